import { setTimeout as delay } from 'node:timers/promises';
import type { Device } from '../../contract/index.ts';
import { readGpuTrials, writeGpuTrials, type GpuTrials } from '../../daemon/index.ts';
import { log } from '../../narration/index.ts';
import type { TryGpu } from './probe.ts';

/** A listing of devices waits this long for a trial; a driver that first compiles the engine's kernels takes longer. */
const PATIENCE_MS = 10_000;
const UNDER_WAY = 'the engine is being tried on it';
/** A report with a longer one is refused by the queen. */
const LONGEST_PRINTED = 200;

interface TrialsParts {
  file: string;
  tryGpu: TryGpu;
  /** Changes when another engine is installed. */
  engine: string;
}

/**
 * Finds out whether the engine really computes on a GPU before a worker is placed there. A driver that is too old for the engine
 * lists its GPU, loads a model, and ends the process at the first computation.
 *
 * A passed trial counts until the driver, the engine or the GPU changes. A failed one is repeated, behind the start of the hive.
 */
export class Trials {
  readonly #parts: TrialsParts;
  readonly #problems = new Map<string, Promise<string | undefined>>();
  #known: Promise<GpuTrials> | undefined;

  constructor(parts: TrialsParts) {
    this.#parts = parts;
  }

  /** The device as it is, or not usable, with the reason. */
  async judge(gpu: Device): Promise<Device> {
    if (gpu.usable !== true) return gpu;
    const problem = await Promise.race([this.#problemOf(gpu), delay(PATIENCE_MS, UNDER_WAY, { ref: false })]);
    return problem === undefined ? gpu : { ...gpu, usable: false, problem };
  }

  #problemOf(gpu: Device): Promise<string | undefined> {
    const means = `driver ${gpu.driver ?? 'unknown'}, engine ${this.#parts.engine}`;
    const key = [gpu.worker, gpu.device, gpu.name, means].join();
    const problem = this.#problems.get(key) ?? this.#lastOrNew(gpu, means, key);
    this.#problems.set(key, problem);
    return problem;
  }

  /** A GPU that failed before is tried again, since its driver may have been repaired; nothing waits for that. */
  async #lastOrNew(gpu: Device, means: string, key: string): Promise<string | undefined> {
    this.#known ??= readGpuTrials(this.#parts.file);
    const last = (await this.#known)[deviceName(gpu)];
    const isKnown = last?.gpu === gpu.name && last.with === means;
    if (isKnown && last.problem === undefined) return undefined;
    const trial = this.#try(gpu, means);
    if (!isKnown) return trial;
    void trial.then((problem) => this.#problems.set(key, Promise.resolve(problem)));
    return last.problem;
  }

  async #try(gpu: Device, means: string): Promise<string | undefined> {
    const { file, tryGpu } = this.#parts;
    const printed = await tryGpu({ worker: gpu.worker, device: gpu.device });
    if (printed === 'not tried') return UNDER_WAY;
    const problem = printed && `the engine cannot compute on it (${printed.slice(0, LONGEST_PRINTED)})`;
    if (problem !== undefined)
      log.warn({ device: deviceName(gpu), gpu: gpu.name, problem }, 'the engine cannot compute on a GPU');
    const known = await (this.#known ?? readGpuTrials(file));
    known[deviceName(gpu)] = { gpu: gpu.name, with: means, ...(problem === undefined ? {} : { problem }) };
    // Without it, the trial is made again at the next start, and nothing else.
    await writeGpuTrials(file, known).catch((cause: unknown) => log.debug({ err: cause }, 'a trial cannot be stored'));
    return problem;
  }
}

function deviceName({ worker, device }: Device): string {
  return `${worker}:${device}`;
}
