import { availableParallelism, cpus } from 'node:os';
import type { Device } from '../../contract/index.ts';
import { freeMemoryBytes, gpuTrialsFile, homePaths, totalMemoryBytes } from '../../daemon/index.ts';
import { canUse, engineDir, findEngine, type InstalledEngine } from '../../worker/engine-packages.ts';
import { cudaGpus } from './cuda.ts';
import { metalGpu } from './metal.ts';
import { askingEngine, tryingGpu, type AskEngine } from './probe.ts';
import type { Running } from './running.ts';
import { Trials } from './trials.ts';
import { unseenGpus, VulkanGpus } from './vulkan.ts';

/** The devices of this machine. They are read often, so the slow parts are cached. */
export class Devices {
  readonly #ask: AskEngine;
  readonly #vulkan: VulkanGpus;
  readonly #trials: Trials;
  readonly #ended = new AbortController();

  constructor(packageRoot: string) {
    const ask = askingEngine(this.#ended.signal);
    this.#ask = once(ask);
    this.#vulkan = new VulkanGpus(ask);
    const { data } = homePaths();
    this.#trials = new Trials({
      file: gpuTrialsFile(data),
      tryGpu: tryingGpu(packageRoot, this.#ended.signal),
      engine: `${__RBEE_VERSION__} ${engineDir() ?? packageRoot}`,
    });
  }

  /** As the machine reports them, the CPU first. Without the memory that is promised to workers: the pool knows that. */
  async list(running: readonly Running[]): Promise<Device[]> {
    const engine = await findEngine();
    const [own, metal, cuda, vulkan] = await Promise.all([
      cpu(),
      metalGpu(running, this.#ask),
      cudaGpus(canUse(engine, 'cuda')).then((gpus) => this.#withTrials(gpus)),
      this.#vulkanGpus(running, engine),
    ]);
    // CUDA is the faster of two ways to the same GPU, and CUDA_VISIBLE_DEVICES restricts both.
    const isCudas = cuda.some(({ usable }) => usable) || process.env['CUDA_VISIBLE_DEVICES'] !== undefined;
    const others = isCudas ? vulkan.filter(({ name }) => !name.startsWith('NVIDIA ')) : vulkan;
    return [own, ...metal, ...cuda, ...(await this.#withTrials(others))];
  }

  #withTrials(gpus: readonly Device[]): Promise<Device[]> {
    return Promise.all(gpus.map((gpu) => this.#trials.judge(gpu)));
  }

  /** Ends every probe that is running. */
  close(): void {
    this.#ended.abort();
  }

  async #vulkanGpus(running: readonly Running[], engine: InstalledEngine): Promise<Device[]> {
    if (process.platform !== 'linux') return [];
    const seen = canUse(engine, 'vulkan') ? await this.#vulkan.list(running) : [];
    return seen.length > 0 ? seen : unseenGpus();
  }
}

async function cpu(): Promise<Device> {
  return {
    worker: 'cpu',
    device: 0,
    name: cpus()[0]?.model.trim() || process.arch,
    memory_bytes: totalMemoryBytes(),
    memory_free_bytes: await freeMemoryBytes(),
    cores: availableParallelism(),
  };
}

/** For answers that do not change while the machine runs: asks until there is an answer, then keeps it. */
function once(ask: AskEngine): AskEngine {
  let answer: ReturnType<AskEngine> | undefined;
  return async (question) => {
    answer ??= ask(question);
    const probe = await answer;
    if (probe === undefined) answer = undefined;
    return probe;
  };
}
