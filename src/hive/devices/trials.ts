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
 * A passed trial counts until the driver, the engine or the GPU changes. A failed one is repeated when the hive starts.
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
    const problem = this.#problems.get(key) ?? this.#try(gpu, means);
    this.#problems.set(key, problem);
    return problem;
  }

  async #try({ worker, device, name: gpu }: Device, means: string): Promise<string | undefined> {
    this.#known ??= readGpuTrials(this.#parts.file);
    const known = await this.#known;
    const deviceName = `${worker}:${device}`;
    const last = known[deviceName];
    if (last?.gpu === gpu && last.with === means && last.problem === undefined) return undefined;
    const printed = await this.#parts.tryGpu({ worker, device });
    const problem = printed && `the engine cannot compute on it (${printed.slice(0, LONGEST_PRINTED)})`;
    if (problem !== undefined) log.warn({ device: deviceName, gpu, problem }, 'the engine cannot compute on a GPU');
    known[deviceName] = { gpu, with: means, ...(problem === undefined ? {} : { problem }) };
    // Without it, the trial is made again at the next start, and nothing else.
    await writeGpuTrials(this.#parts.file, known).catch((cause: unknown) =>
      log.debug({ err: cause }, 'a trial cannot be stored'),
    );
    return problem;
  }
}
