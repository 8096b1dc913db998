import type { InputOf, JobEvent, Model, ModelHeader, OutputOf, UnfinishedModel } from '../../contract/index.ts';
import { download, type DownloadRequest } from './download.ts';
import { DownloadRoom } from './download-room.ts';
import { PATIENCE, type Patience } from './limits.ts';
import { RunningPulls } from './hub/running-pulls.ts';
import { HeaderReader, readAllFields } from './header-reader.ts';
import { Shelf, type ShelfOptions } from './shelf.ts';
import { RequestGate } from './web/request-gate.ts';
import { Writers } from './writers.ts';

export { modelBytes } from './model-parts.ts';
export { BUILTIN_FILE } from './shelf.ts';
export type { DownloadRequest } from './download.ts';

export interface ModelStoreOptions extends ShelfOptions {
  /** For messages, which may be read on another machine. */
  hiveId: string;
  /** For tests: shorter deadlines and fewer tries. */
  patience?: Patience;
  /** Memory of the largest device here, by which a quantization is chosen; undefined when it is not known. */
  largestDeviceBytes?: () => Promise<number | undefined>;
}

/** The models of this machine, each with its details and its memory need if its header says enough. */
export interface ModelStore {
  /** The built-in model, then the others, oldest first. A model whose file is gone or has changed is left out, and logged. */
  list(): Promise<Model[]>;
  /** Files in the models directory that are no model yet: they take disk space, and `remove` deletes them. */
  unfinished(): Promise<UnfinishedModel[]>;
  /** @throws JobError model_not_found, also when its file is gone; model_corrupt when the file has changed since its download */
  get(name: string): Promise<Model>;
  /**
   * A known name, or the absolute path of a .gguf file on this machine, which is used in place, under its path.
   * @throws JobError model_not_found, model_corrupt
   */
  resolve(nameOrPath: string): Promise<{ model: Model; path: string }>;
  /**
   * All fields of the header of a model, by its name or path; the arrays of its tokenizer too where `whole` is set.
   * @throws JobError model_not_found, model_corrupt
   */
  header(nameOrPath: string, whole: boolean): Promise<ModelHeader>;
  /**
   * Fetches a model, or resumes an earlier try. Yields progress only; steps are narrated.
   * @throws JobError invalid_input, model_exists, model_corrupt, checksum_mismatch, disk_full, cancelled, or download_failed, also
   * while the same name is being downloaded already
   */
  download(request: DownloadRequest, signal: AbortSignal): AsyncGenerator<JobEvent, Model, void>;
  /** The models of a repository of the Hub. @throws JobError invalid_input; why the Hub does not answer */
  hubModels(name: string, signal: AbortSignal): Promise<OutputOf<'model_files'>>;
  /** Repositories of the Hub. @throws JobError why the Hub does not answer */
  searchHub(search: InputOf<'model_search'>, signal: AbortSignal): Promise<OutputOf<'model_search'>>;
  /**
   * Deletes the model's file, its entry and its unfinished download, even if the file is gone or has changed.
   * @param name as `get` takes it
   * @param assertUnused gets the file, and throws when it is in use
   * @returns the name that it had
   * @throws JobError model_not_found, model_protected for the built-in one and for paths
   */
  remove(name: string, assertUnused?: (path: string) => void): Promise<string>;
}

export function openModelStore(options: ModelStoreOptions): ModelStore {
  const shelf = new Shelf(options);
  const writers = new Writers(options.modelsDir);
  const headers = new HeaderReader();
  const disk = new DownloadRoom(options.modelsDir);
  const parts = {
    hiveId: options.hiveId,
    shelf,
    writers,
    disk,
    patience: options.patience ?? PATIENCE,
    gate: new RequestGate(),
    pulls: new RunningPulls(),
    largestDeviceBytes: options.largestDeviceBytes ?? (async () => undefined),
  };
  return {
    list: async () => Promise.all((await shelf.list()).map((model) => headers.filledIn(model))),
    unfinished: () => shelf.unfinished(),
    get: async (name) => headers.filledIn(await shelf.get(name)),
    async resolve(nameOrPath) {
      const model = await headers.filledIn(await shelf.resolve(nameOrPath));
      return { model, path: model.path };
    },
    header: async (nameOrPath, whole) => readAllFields((await shelf.resolve(nameOrPath)).path, whole),
    async *download(request, signal) {
      return headers.filledIn(yield* download(parts, request, signal));
    },
    hubModels: async (name, signal) => (await import('./hub/look-up.ts')).listHubModels(parts, name, signal),
    searchHub: async (search, signal) => ({ models: await (await import('./hub/look-up.ts')).searchHub(parts, search, signal) }),
    async remove(text, assertUnused) {
      const name = shelf.nameOf(text);
      await shelf.assertRemovable(name);
      assertUnused?.(shelf.pathOf(name));
      const free = writers.claim(name);
      try {
        await shelf.remove(name);
        return name;
      } finally {
        free();
      }
    },
  };
}
