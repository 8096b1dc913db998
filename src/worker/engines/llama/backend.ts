import type { Llama, LlamaLogLevel } from 'node-llama-cpp';
import { JobError, type DeviceKind } from '../../../contract/index.ts';
import { endLoads } from './binary-trials.ts';
import type { EngineLog } from './engine-log.ts';
import type { LlamaModule } from './llama-module.ts';

interface BackendOptions {
  worker: DeviceKind;
  threads: number;
  log: Pick<EngineLog, 'record'>;
}

const severeLevels: ReadonlySet<string> = new Set<`${LlamaLogLevel}`>(['fatal', 'error']);

/**
 * llama.cpp for one kind of device. The first time on a machine takes half a second more: the binary is tried in a process of its own.
 *
 * @throws JobError device_not_found
 */
export async function openBackend(module: LlamaModule, { worker, threads, log }: BackendOptions): Promise<Llama> {
  // Where gdb is installed, an abort of llama.cpp would wait for its stack: a second and more, in which requests get no answer.
  process.env['GGML_NO_BACKTRACE'] ??= '1';
  const llama = await module
    .getLlama({
      gpu: worker === 'cpu' ? false : worker,
      // Otherwise it downloads and compiles llama.cpp if no binary fits.
      build: 'never',
      // Otherwise it uses four threads on two cores, which makes everything slower.
      maxThreads: threads,
      progressLogs: false,
      logger: (level, text) => log.record(severeLevels.has(level), text),
    })
    .catch((cause: unknown) => {
      throw new JobError('device_not_found', noBackend(worker), { cause });
    })
    .finally(endLoads);
  // For a kind that this platform does not have (metal on Linux) the library silently uses another one.
  const present = worker === 'cpu' ? llama.gpu === false : llama.gpu === worker && (await llama.getGpuDeviceNames()).length > 0;
  if (present) return llama;
  await llama.dispose();
  throw new JobError('device_not_found', noBackend(worker));
}

function noBackend(worker: DeviceKind): string {
  if (worker === 'cpu') return `The engine has no binary for this machine (${process.platform} ${process.arch}).`;
  return (
    `No ${worker} device can be used here: the machine has none, its driver is missing, or rbee's engine for ${worker} is not ` +
    `installed (rbee doctor prints the command; RBEE_ENGINE_DIR names another folder). Use --worker cpu until then.`
  );
}
