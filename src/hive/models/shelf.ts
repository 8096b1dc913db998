import type { Stats } from 'node:fs';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import {
  FILE_WORDS,
  DEFAULT_MODEL,
  hubIn,
  hubText,
  JobError,
  meantHubModel,
  meantUrl,
  neitherNameNorPath,
  model as modelOfCatalog,
  type HubReference,
  type Model,
  type UnfinishedModel,
} from '../../contract/index.ts';
import type { Catalog, Collection } from '../../jobs/index.ts';
import { log } from '../../narration/index.ts';
import { withoutSecrets } from './address.ts';
import { errnoOf } from './disk.ts';
import { assertGgufFile } from './gguf.ts';
import { partNumberOf, partsOf } from './model-parts.ts';
import { filesOf, isModelName, modelNotFound, sameName, type ModelFiles } from './names.ts';
import { HubShelf, isHubModel } from './hub/hub-shelf.ts';
import { removePart } from './part-file.ts';

/** The file of the model that ships with rbee, in the package's models folder. */
export const BUILTIN_FILE = 'rbee-tiny-Q8_0.gguf';

export interface ShelfOptions {
  catalog: Catalog;
  /** The folder of downloaded models. Created at the first download. */
  modelsDir: string;
  /** The package's models folder. */
  builtinDir: string;
}

/** The models of this machine: the built-in one, and those of the catalog whose files are present. */
export class Shelf {
  readonly #entries: Collection<Model>;
  readonly #modelsDir: string;
  readonly #builtinFile: string;
  readonly hub: HubShelf;
  /** Logged once each, or a client that polls the list would fill the log. */
  readonly #reported = new Set<string>();

  constructor({ catalog, modelsDir, builtinDir }: ShelfOptions) {
    this.#entries = catalog.collection<Model>('models', [], asModel);
    this.#modelsDir = path.resolve(modelsDir);
    this.hub = new HubShelf(catalog, this.#entries, path.join(this.#modelsDir, 'hub'));
    this.#builtinFile = path.resolve(builtinDir, BUILTIN_FILE);
  }

  filesOf(name: string): ModelFiles {
    return filesOf(this.#modelsDir, name);
  }

  async list(): Promise<Model[]> {
    const models: Model[] = [];
    for (const name of this.#names()) {
      try {
        models.push(await this.get(name));
      } catch (cause) {
        if (!(cause instanceof JobError)) throw cause;
        if (!this.#reported.has(name)) log.warn({ code: cause.code }, cause.message);
        this.#reported.add(name);
      }
    }
    return models;
  }

  async get(name: string): Promise<Model> {
    if (name === DEFAULT_MODEL) return this.#builtin();
    const entry = this.#entries.get(name) ?? this.#entries.get(meantHubModel(name, this.#names()) ?? '');
    if (entry === undefined) throw modelNotFound(name, this.#names());
    if (isHubModel(entry)) return this.hub.checked(entry);
    // Not the path that was stored: the directory may have moved since.
    const model = { ...entry, path: this.filesOf(name).model };
    const size = (await statOf(model.path))?.size;
    const next = `Download it again, or forget it: rbee model delete ${name}`;
    if (size === undefined)
      throw new JobError('model_not_found', `The file of model '${name}' is missing: ${model.path}. ${next}`);
    if (size === model.size_bytes) return model;
    const sentence = `The file of model '${name}' has changed since it was downloaded: ${model.path} has ${size} bytes, not ${model.size_bytes}. ${next}`;
    throw new JobError('model_corrupt', sentence);
  }

  /** A known name, or the absolute path of a .gguf file, which is used in place. */
  async resolve(nameOrPath: string): Promise<Model> {
    if (path.isAbsolute(nameOrPath)) return inPlace(nameOrPath);
    if (hubIn(nameOrPath) !== undefined || !nameOrPath.includes('/')) return this.get(nameOrPath);
    throw notHere(nameOrPath);
  }

  /** The name of the model here that this names, if one is here, also unfinished. */
  hubNameOf(hub: HubReference): string | undefined {
    const { repo, tag, file } = hub;
    if (file === undefined) return meantHubModel(hubText(tag === undefined ? { repo } : { repo, tag }), this.#names());
    const isOf = (entry: Model) => entry.repo === repo && entry.files?.some(({ path: each }) => each === file) === true;
    return this.#entries.find().find(isOf)?.model;
  }

  /** The name that a model or an unfinished download has here, by any text that names it. */
  nameOf(text: string): string {
    const names = [...this.#names(), ...this.hub.pulls().map(({ model }) => model)];
    return names.includes(text) ? text : (meantHubModel(text, [...new Set(names)]) ?? text);
  }

  /** The file that a worker has open, also of an unfinished download, which another model may share. */
  pathOf(name: string): string {
    const entry = this.#entries.get(name);
    if (entry !== undefined) return isHubModel(entry) ? this.hub.pathOf(entry) : this.filesOf(name).model;
    const pull = this.hub.pull(name);
    return pull === undefined ? this.filesOf(name).model : this.hub.pathOf(pull);
  }

  /** The intact model that has this name, in upper or lower case. */
  async occupant(name: string): Promise<Model | undefined> {
    const taken = this.#names().find((other) => sameName(other, name));
    if (taken === undefined) return undefined;
    return this.get(taken).catch((cause: unknown) => {
      if (cause instanceof JobError && taken === name && taken !== DEFAULT_MODEL) return undefined; // Its file is gone or has changed: it is replaced.
      throw cause;
    });
  }

  /** Also in the place of one that was damaged: what only that one used is deleted. */
  async put(model: Model): Promise<void> {
    const former = this.#entries.get(model.model);
    this.#entries.put(model.model, model);
    this.#reported.delete(model.model);
    const pull = isHubModel(model) ? undefined : this.hub.pull(model.model);
    if (pull !== undefined) await this.hub.remove(pull);
    if (pull !== undefined) this.hub.end(model.model);
    if (former === undefined) return;
    if (isHubModel(former)) await this.hub.removeFormer(former, model);
    else if (isHubModel(model)) await fs.rm(this.filesOf(model.model).model, { force: true });
  }

  /** @throws JobError model_protected, model_not_found */
  async assertRemovable(name: string): Promise<void> {
    if (name === DEFAULT_MODEL) throw new JobError('model_protected', `Model '${name}' is part of rbee and cannot be deleted`);
    if (path.isAbsolute(name) && (await statOf(name)) === undefined) throw noFile(name);
    const own = this.#entries.find().find(({ model }) => this.pathOf(model) === name)?.model;
    if (own !== undefined) {
      throw new JobError('model_protected', `${name} is the file of model '${own}'. To delete both: rbee model delete ${own}`);
    }
    if (this.#entries.get(name) !== undefined || this.hub.pull(name) !== undefined) return;
    if (name.includes('/') && hubIn(name) === undefined) {
      const sentence = `${withoutSecrets(name)} is used in place, and rbee does not delete it. Delete the file yourself.`;
      throw new JobError('model_protected', sentence);
    }
    if (!isModelName(name) || (await this.#sizeOfUnfinished(name)) === undefined) throw modelNotFound(name, this.#names());
  }

  /** The file first: an entry without a file is reported and can be removed again; a file without an entry would be 40 GB that no list shows. */
  async remove(name: string): Promise<void> {
    const entry = this.#entries.get(name);
    const pull = this.hub.pull(name);
    if (entry !== undefined && isHubModel(entry)) await this.hub.remove(entry);
    if (pull !== undefined) await this.hub.remove(pull);
    if (isModelName(name)) {
      const files = this.filesOf(name);
      await fs.rm(files.model, { force: true });
      await removePart(files);
    }
    this.hub.end(name);
    if (this.#entries.get(name) !== undefined) this.#entries.delete(name);
    this.#reported.delete(name);
  }

  /** Parts of downloads, and complete files without an entry, which a crash or a lost catalog leaves. */
  async unfinished(): Promise<UnfinishedModel[]> {
    const files = await fs.readdir(this.#modelsDir).catch(() => []);
    const names = files.flatMap((file) => /^(.+)\.gguf(?:\.part)?$/.exec(file)?.[1] ?? []).filter(isModelName);
    const found = [...new Set(names)]
      .toSorted()
      .map(async (model) => ({ model, size_bytes: await this.#sizeOfUnfinished(model) }));
    const plain = (await Promise.all(found)).flatMap(({ model, size_bytes }) =>
      size_bytes === undefined ? [] : [{ model, size_bytes }],
    );
    return [...plain, ...(await this.hub.unfinished((name) => this.#isIntact(name)))];
  }

  async #isIntact(name: string): Promise<boolean> {
    if (this.#entries.get(name) === undefined) return false;
    return this.get(name).then(
      () => true,
      () => false,
    );
  }

  async #sizeOfUnfinished(name: string): Promise<number | undefined> {
    const { model, part } = this.filesOf(name);
    const unlisted = this.#entries.get(name) === undefined ? [model] : [];
    const files = await Promise.all([part, ...unlisted].map((file) => fs.lstat(file).catch(() => undefined)));
    // rbee makes no links or folders here.
    const sizes = files.flatMap((each) => (each?.isFile() === true ? [each.size] : []));
    return sizes.length === 0 ? undefined : sizes.reduce((sum, size) => sum + size, 0);
  }

  #names(): string[] {
    return [DEFAULT_MODEL, ...this.#entries.find().map((entry) => entry.model)];
  }

  async #builtin(): Promise<Model> {
    const stats = await statOf(this.#builtinFile);
    if (stats !== undefined) return modelOf({ name: DEFAULT_MODEL, path: this.#builtinFile, source: 'builtin' }, stats);
    throw new JobError('model_not_found', `rbee's built-in model is missing: ${this.#builtinFile}. Install rbee again.`);
  }
}

/** What was read from the file is dropped where it is invalid: it is read again. */
function asModel(value: object, key: string): Model | undefined {
  const { memory: _memory, details: _details, ...rest } = value as Model;
  if (!modelOfCatalog.safeParse(rest).success || rest.model !== key) return undefined;
  return modelOfCatalog.safeParse(value).success ? (value as Model) : rest;
}

function notHere(text: string): JobError {
  const shown = withoutSecrets(text);
  const meant = meantUrl(shown);
  if (/^[a-z]+:\/\//i.test(text) || meant !== undefined) {
    const next = `fetch it first, with rbee pull ${meant ?? shown}, and then use its name`;
    return new JobError('model_not_found', `'${shown}' is an address: ${next}`);
  }
  return new JobError('model_not_found', neitherNameNorPath(shown));
}

async function inPlace(file: string): Promise<Model> {
  const stats = await statOf(file);
  if (stats === undefined) throw noFile(file);
  if (stats.isDirectory()) throw new JobError('model_not_found', `${file} is a folder, and not a .gguf file`);
  if (!stats.isFile() || !/\.gguf$/i.test(file)) throw new JobError('model_not_found', `${file} is not a .gguf file`);
  await assertReadable(file);
  await assertGgufFile(file);
  // Under its path: a registered model may have the file's name.
  return { ...modelOf({ name: file, path: file, source: file }, stats), size_bytes: await bytesOfParts(file) };
}

/** llama.cpp loads a model in several parts by the first one, and needs the others beside it. */
async function bytesOfParts(file: string): Promise<number> {
  const { part = 1, parts = 1 } = partNumberOf(path.basename(file)) ?? {};
  if (part !== 1)
    throw new JobError('model_not_found', `${file} is part ${part} of a model in ${parts} parts: give the first one`);
  const sizes = await Promise.all(partsOf(file).map(async (each) => ({ each, size: (await statOf(each))?.size })));
  return sizes.reduce((sum, { each, size }) => {
    if (size === undefined) throw new JobError('model_not_found', `A part of ${file} is missing: there is no file ${each}`);
    return sum + size;
  }, 0);
}

function modelOf(known: { name: string; path: string; source: string }, { size, mtime }: Stats): Model {
  return { model: known.name, path: known.path, size_bytes: size, source: known.source, created_at: mtime.toISOString() };
}

function noFile(file: string): JobError {
  return new JobError('model_not_found', `There is no file ${withoutSecrets(file)} on this machine`);
}

async function assertReadable(file: string): Promise<void> {
  try {
    await fs.access(file, fs.constants.R_OK);
  } catch (cause) {
    throw new JobError('model_not_found', `Cannot read ${file}: permission denied`, { cause });
  }
}

async function statOf(file: string): Promise<Stats | undefined> {
  try {
    return await fs.stat(file);
  } catch (cause) {
    const code = errnoOf(cause) ?? '';
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    // Anything else is a bug in rbee, or the disk's fault.
    const why = FILE_WORDS[code];
    if (why === undefined) throw cause;
    throw new JobError('model_not_found', `Cannot read ${withoutSecrets(file).replaceAll('\0', ' ')}: ${why}`, { cause });
  }
}
