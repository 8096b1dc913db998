import { gpuProbe, type GpuProbe, type WorkerKind } from '../../contract/index.ts';
import { askProgram, homePaths, rbeeEntry } from '../../daemon/index.ts';
import { log } from '../../narration/index.ts';
import { engineDirOf } from './engine-for.ts';

/** Half a second is usual. Who asks a driver that hangs is killed, and its GPU is not there. */
const DEADLINE_MS = 5_000;

export interface GpuQuestion {
  worker: WorkerKind;
  /** Which of its devices the engine may see; as in the hive's own environment when undefined. */
  device?: number;
}

/** Undefined where the engine sees none. */
export type AskEngine = (question: GpuQuestion) => Promise<GpuProbe | undefined>;

/** Asks the engine, in a process of its own: a driver may crash or hang. @param ended then nobody wants to know any more */
export const askingEngine =
  (ended: AbortSignal): AskEngine =>
  async ({ worker, device }) => {
    const env = { ...process.env, ...(device === undefined ? {} : visibleDevice(worker, device)), ...engineEnvironment() };
    const args = [rbeeEntry(), 'worker', 'probe', '--worker', worker];
    try {
      const stdout = await askProgram(process.execPath, args, { env, withinMs: DEADLINE_MS, signal: ended });
      // A driver may say something of its own before.
      return gpuProbe.parse(JSON.parse(stdout.trim().split('\n').at(-1) ?? ''));
    } catch (cause) {
      log.debug({ err: cause, worker, device }, 'the engine sees no such GPU');
      return undefined;
    }
  };

/** The engine takes all devices that it can see, so a process sees only one. */
export function visibleDevice(worker: WorkerKind, device: number): Record<string, string> {
  // By themselves, CUDA counts the fastest first, and nvidia-smi by their slots.
  if (worker === 'cuda') return { CUDA_DEVICE_ORDER: 'PCI_BUS_ID', CUDA_VISIBLE_DEVICES: String(device) };
  return worker === 'vulkan' ? { GGML_VK_VISIBLE_DEVICES: String(device) } : {};
}

/** Where workers find the engine that was installed for this machine. */
export function engineEnvironment(): Record<string, string> {
  const folder = engineDirOf(homePaths().data);
  return folder === undefined ? {} : { RBEE_ENGINE_DIR: folder };
}
