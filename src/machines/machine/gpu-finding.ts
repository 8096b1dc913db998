import { gpuPackages } from '../../worker/engine-packages.ts';
import type { Finding } from './finding.ts';
import type { Gpu } from './gpus.ts';
import { platformOf } from './kit-target.ts';
import type { Machine } from './machine.ts';

const TITLES: Readonly<Record<Gpu['engine'], string>> = { cuda: 'CUDA', vulkan: 'Vulkan', metal: 'Metal' };
const LACKS: Readonly<Record<NonNullable<Gpu['lacks']>, string>> = {
  driver: 'but its driver is missing',
  device: 'but it is not in /dev/dri',
  access: 'but this user has no access to it',
};

/** Each GPU, its engine, and what to do before the engine can use it. Without a GPU, a hive computes on the CPU. */
export function gpuFinding(machine: Machine): Finding {
  const { gpus } = machine;
  if (gpus.length === 0) return { ok: true, says: 'none; models run on the CPU' };
  const says = gpus.map((gpu) => `${gpu.name} (${hasEngine(gpu, machine) ? computing(gpu) : 'rbee has no engine for it'})`);
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
  if (engine === 'cuda') return "Install NVIDIA's driver there. The next install or update of the hive adds the engine for it.";
  if (packages === 'apt') return 'There: sudo apt install libvulkan1 mesa-vulkan-drivers';
  return "Install the Vulkan loader and Mesa's Vulkan drivers there, with its package manager.";
}

const STEPS = {
  device: 'There: ls -l /dev/dri. Start a container with this device; on a host, the kernel driver creates it.',
  access: 'There: sudo usermod -aG render "$USER", and log in again.',
};
