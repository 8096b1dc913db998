import type { JobEvent, Model, UnfinishedModel } from '../../contract/index.ts';
import { download, type DownloadRequest } from './download.ts';
import { DownloadRoom } from './download-room.ts';
import { PATIENCE, type Patience } from './limits.ts';
import { MemoryReader } from './memory-reader.ts';
import { Shelf, type ShelfOptions } from './shelf.ts';
import { Writers } from './writers.ts';

export { BUILTIN_FILE } from './shelf.ts';
export type { DownloadRequest } from './download.ts';

export interface ModelStoreOptions extends ShelfOptions {
  /** Whose models they are: messages name it, because who reads them may sit at another machine. */
  hiveId: string;
  /** For tests: shorter deadlines and fewer tries. */
  patience?: Patience;
}

/** The models of this machine, each with what it takes in memory, as far as its header tells. */
export interface ModelStore {
  /** The built-in model, then the others in the order of their coming. A model whose file is gone or changed is left out, and logged. */
  list(): Promise<Model[]>;
  /** What lies in the models directory and is no model yet: it takes room, and `remove` deletes it. */
  unfinished(): Promise<UnfinishedModel[]>;
  /** @throws JobError model_not_found, also when its file is gone; model_corrupt when the file has changed since it came */
  get(name: string): Promise<Model>;
  /**
   * A known name, or the absolute path of a .gguf file on this machine, which is used where it lies, under its path.
   * @throws JobError model_not_found, model_corrupt
   */
  resolve(nameOrPath: string): Promise<{ model: Model; path: string }>;
  /**
   * Fetches a model, or goes on where an earlier try stopped. Yields progress only; steps are narrated.
   * @throws JobError invalid_input, model_exists, model_corrupt, checksum_mismatch, disk_full, cancelled, or download_failed, also
   * while the same name is being downloaded already
   */
  download(request: DownloadRequest, signal: AbortSignal): AsyncGenerator<JobEvent, Model, void>;
  /**
   * Deletes the model's file and its entry, and what an unfinished download of it has left; also when the file is gone or has changed.
   * @param assertUnused is given the file, and throws when it is in use, which is the caller's to know
   * @throws JobError model_not_found, model_protected for the built-in one and for paths
   */
  remove(name: string, assertUnused?: (path: string) => void): Promise<void>;
}

export function openModelStore(options: ModelStoreOptions): ModelStore {
  const shelf = new Shelf(options);
  const writers = new Writers(options.modelsDir);
  const memory = new MemoryReader();
  const disk = new DownloadRoom(options.modelsDir);
  const parts = { hiveId: options.hiveId, shelf, writers, disk, patience: options.patience ?? PATIENCE };
  return {
    list: async () => Promise.all((await shelf.list()).map((model) => memory.filledIn(model))),
    unfinished: () => shelf.unfinished(),
    get: async (name) => memory.filledIn(await shelf.get(name)),
    async resolve(nameOrPath) {
      const model = await memory.filledIn(await shelf.resolve(nameOrPath));
      return { model, path: model.path };
    },
    async *download(request, signal) {
      return memory.filledIn(yield* download(parts, request, signal));
    },
    async remove(name, assertUnused) {
      await shelf.assertRemovable(name);
      assertUnused?.(shelf.filesOf(name).model);
      const free = writers.claim(name);
      try {
        await shelf.remove(name);
      } finally {
        free();
      }
    },
  };
}
