import { availableParallelism, cpus } from 'node:os';
import type { Device } from '../../contract/index.ts';
import { freeMemoryBytes, gpuTrialsFile, homePaths, totalMemoryBytes } from '../../daemon/index.ts';
import { cudaGpus } from './cuda.ts';
import { engineDirOf, hasEngineFor } from './engine-for.ts';
import { metalGpu } from './metal.ts';
import { askingEngine, tryingGpu, type AskEngine } from './probe.ts';
import type { Running } from './running.ts';
import { Trials } from './trials.ts';
import { unseenGpus, VulkanGpus } from './vulkan.ts';

/** What this machine can compute with. It is asked often, so what is slow to find out is found out once. */
export class Devices {
  readonly #packageRoot: string;
  readonly #ask: AskEngine;
  readonly #vulkan: VulkanGpus;
  readonly #trials: Trials;
  readonly #ended = new AbortController();

  constructor(packageRoot: string) {
    this.#packageRoot = packageRoot;
    const ask = askingEngine(this.#ended.signal);
    this.#ask = once(ask);
    this.#vulkan = new VulkanGpus(ask);
    const { data } = homePaths();
    this.#trials = new Trials({
      file: gpuTrialsFile(data),
      tryGpu: tryingGpu(packageRoot, this.#ended.signal),
      engine: `${__RBEE_VERSION__} ${engineDirOf(data) ?? packageRoot}`,
    });
  }

  /** As the machine tells of them, the CPU first; it is always there. What the hive's workers are promised, only the pool knows. */
  async list(running: readonly Running[]): Promise<Device[]> {
    const [own, metal, cuda, vulkan] = await Promise.all([
      cpu(),
      metalGpu(running, this.#ask),
      cudaGpus(hasEngineFor('cuda', this.#packageRoot)).then((gpus) => this.#tried(gpus)),
      this.#vulkanGpus(running),
    ]);
    // CUDA is the faster of the two ways to the same GPU, and says which of them this hive was given.
    const isCudas = cuda.some(({ usable }) => usable) || process.env['CUDA_VISIBLE_DEVICES'] !== undefined;
    const others = isCudas ? vulkan.filter(({ name }) => !name.startsWith('NVIDIA ')) : vulkan;
    return [own, ...metal, ...cuda, ...(await this.#tried(others))];
  }

  #tried(gpus: readonly Device[]): Promise<Device[]> {
    return Promise.all(gpus.map((gpu) => this.#trials.judge(gpu)));
  }

  /** Nothing that was asked goes on. */
  close(): void {
    this.#ended.abort();
  }

  async #vulkanGpus(running: readonly Running[]): Promise<Device[]> {
    if (process.platform !== 'linux') return [];
    const seen = hasEngineFor('vulkan', this.#packageRoot) ? await this.#vulkan.list(running) : [];
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

/** What does not change while the machine runs is asked once, until there is an answer. */
function once(ask: AskEngine): AskEngine {
  let answer: ReturnType<AskEngine> | undefined;
  return async (question) => {
    answer ??= ask(question);
    const told = await answer;
    if (told === undefined) answer = undefined;
    return told;
  };
}
