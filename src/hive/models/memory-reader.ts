import * as fs from 'node:fs/promises';
import { JobError, modelMemory, type Model, type ModelMemory } from '../../contract/index.ts';
import { log } from '../../narration/index.ts';
import { estimateMemory, isMemoryField } from './estimate-memory.ts';
import { readGgufHeader } from './gguf-header.ts';
import { HEADERS_KEPT_LIMIT } from './limits.ts';

/** Estimates the memory of models, reading the header of each file once, and again when the file has changed. */
export class MemoryReader {
  readonly #known = new Map<string, { version: string; memory: Promise<ModelMemory | undefined> }>();

  /** The model with its memory need, if its header says enough. A file that cannot be read fails when it is loaded. */
  async filledIn(model: Model): Promise<Model> {
    const memory = await this.#of(model.path);
    return memory === undefined ? model : { ...model, memory };
  }

  async #of(file: string): Promise<ModelMemory | undefined> {
    const stats = await fs.stat(file).catch(() => undefined);
    if (stats === undefined) return undefined;
    const version = `${stats.size} ${stats.mtimeMs}`;
    const known = this.#known.get(file);
    if (known?.version === version) return known.memory;
    if (this.#known.size >= HEADERS_KEPT_LIMIT) this.#known.clear();
    const memory = readMemory(file);
    this.#known.set(file, { version, memory });
    return memory;
  }
}

async function readMemory(file: string): Promise<ModelMemory | undefined> {
  try {
    // A header may contain any numbers, and the estimate may exceed the limits of the contract.
    return modelMemory.safeParse(estimateMemory(await readGgufHeader(file, isMemoryField))).data;
  } catch (cause) {
    if (!(cause instanceof JobError)) throw cause;
    log.debug({ err: cause }, `the memory need of ${file} is unknown`);
    return undefined;
  }
}
