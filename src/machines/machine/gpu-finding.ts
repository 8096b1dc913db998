import { gpuPackages } from '../kit/index.ts';
import type { Finding } from './findings.ts';
import type { Gpu } from './gpus.ts';
import { platformOf } from './kit-target.ts';
import type { Machine } from './machine.ts';

const TITLES: Readonly<Record<Gpu['engine'], string>> = { cuda: 'CUDA', vulkan: 'Vulkan', metal: 'Metal' };
const LACKS: Readonly<Record<NonNullable<Gpu['lacks']>, string>> = {
  driver: 'but its driver is missing',
  device: 'but it is not in /dev/dri',
  access: 'but this user may not use it',
};

/** Each GPU, what computes with it, and what there is to do before it can. A hive does without: its CPU computes. */
export function gpuFinding(machine: Machine): Finding {
  const { gpus } = machine;
  if (gpus.length === 0) return { ok: true, says: 'none; its CPU computes' };
  const says = gpus.map((gpu) => `${gpu.name} (${hasEngine(gpu, machine) ? computing(gpu) : 'no engine for it here'})`);
  const steps = new Set(gpus.filter((gpu) => hasEngine(gpu, machine)).flatMap((gpu) => step(gpu, machine) ?? []));
  return { ok: true, says: says.join(', '), ...(steps.size === 0 ? {} : { next: [...steps].join('\n') }) };
}

function hasEngine({ engine }: Gpu, machine: Machine): boolean {
  const platform = platformOf(machine);
  return engine === 'metal' || (platform !== undefined && gpuPackages(platform, engine).length > 0);
}

function computing({ engine, lacks }: Gpu): string {
  return lacks === undefined ? TITLES[engine] : `${TITLES[engine]}, ${LACKS[lacks]}`;
}

function step({ engine, lacks }: Gpu, { packages }: Machine): string | undefined {
  if (lacks !== 'driver') return lacks === undefined ? undefined : STEPS[lacks];
  if (engine === 'cuda')
    return "Install NVIDIA's driver there; the engine for it comes when the hive is installed or updated next.";
  if (packages === 'apt') return 'There: sudo apt install libvulkan1 mesa-vulkan-drivers';
  return "Install the Vulkan loader and Mesa's Vulkan drivers there, with its package manager.";
}

const STEPS = {
  device: 'There: ls -l /dev/dri. A container is given it by who starts it; elsewhere the driver of the kernel makes it.',
  access: 'There: sudo usermod -aG render "$USER", and log in anew.',
};
