import { join } from 'node:path';
import { gpuProbe, type GpuProbe, type DeviceKind } from '../../contract/index.ts';
import { programOutput, isStackFrame, rbeeEntry } from '../../daemon/index.ts';
import { log } from '../../narration/index.ts';
import { engineDir } from '../../worker/engine-packages.ts';
import { BUILTIN_FILE } from '../models/index.ts';

/** Half a second is usual. Where a driver hangs, the probe is killed, and the GPU is not listed. */
const DEADLINE_MS = 5_000;
/** The driver may first compile the engine's kernels for its GPU, once. */
const TRIAL_DEADLINE_MS = 180_000;
/** The folders of the source file in which a process aborted. */
const SOURCE_FILE = /^\S*\/(?=[^/\s]+:\d+: )/;

export interface GpuQuestion {
  worker: DeviceKind;
  /** The one device that the engine may see; all that the hive's environment allows when undefined. */
  device?: number;
}

/** Undefined where the engine sees none. */
export type AskEngine = (question: GpuQuestion) => Promise<GpuProbe | undefined>;

/** Probes in a separate process: a driver may crash or hang. @param ended ends the probe */
export const askingEngine =
  (ended: AbortSignal): AskEngine =>
  async ({ worker, device }) => {
    const env = { ...process.env, ...(device === undefined ? {} : visibleDevice(worker, device)), ...engineEnvironment() };
    const args = [rbeeEntry(), 'worker', 'probe', '--worker', worker];
    try {
      const stdout = await programOutput(process.execPath, args, { env, withinMs: DEADLINE_MS, signal: ended });
      // A driver may print lines of its own before.
      return gpuProbe.parse(JSON.parse(stdout.trim().split('\n').at(-1) ?? ''));
    } catch (cause) {
      log.debug({ err: cause, worker, device }, 'the engine sees no GPU of this kind');
      return undefined;
    }
  };

/** Undefined when the GPU computes; otherwise the output of the engine, or 'not tried' when the hive has stopped before. */
export type TryGpu = (gpu: Required<GpuQuestion>) => Promise<'not tried' | (string & {}) | undefined>;

/** Computes a few tokens on a GPU in a separate process: an engine that cannot do so aborts its process. */
export const tryingGpu =
  (packageRoot: string, ended: AbortSignal): TryGpu =>
  async ({ worker, device }) => {
    const env = { ...process.env, ...visibleDevice(worker, device), ...engineEnvironment() };
    const model = join(packageRoot, 'models', BUILTIN_FILE);
    const args = [rbeeEntry(), 'worker', 'probe', '--worker', worker, '--compute', model];
    try {
      await programOutput(process.execPath, args, { env, withinMs: TRIAL_DEADLINE_MS, signal: ended });
      return undefined;
    } catch (cause) {
      if (ended.aborted) return 'not tried';
      const { stderr, signal } = cause as { stderr?: unknown; signal?: unknown };
      return problemIn(typeof stderr === 'string' ? stderr : '') ?? `a trial ended with ${String(signal ?? cause)}`;
    }
  };

/** Exported for its test. The lines about an error that a process printed before it ended, without its stack. */
export function problemIn(stderr: string): string | undefined {
  const lines = stderr.split('\n').map((line) => line.trim().replace(SOURCE_FILE, ''));
  const errors = new Set(lines.filter((line) => /error|failed/i.test(line) && !isStackFrame(line)));
  return errors.size === 0 ? undefined : [...errors].join('; ');
}

/** The engine takes all devices that it can see, so a process sees only one. */
export function visibleDevice(worker: DeviceKind, device: number): Record<string, string> {
  // By themselves, CUDA counts the fastest first, and nvidia-smi by their slots.
  if (worker === 'cuda') return { CUDA_DEVICE_ORDER: 'PCI_BUS_ID', CUDA_VISIBLE_DEVICES: String(device) };
  return worker === 'vulkan' ? { GGML_VK_VISIBLE_DEVICES: String(device) } : {};
}

/** Where workers find the engine that was installed for this machine. */
export function engineEnvironment(): Record<string, string> {
  const folder = engineDir();
  return folder === undefined ? {} : { RBEE_ENGINE_DIR: folder };
}
