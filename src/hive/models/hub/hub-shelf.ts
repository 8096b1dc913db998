import * as fs from 'node:fs/promises';
import { formatBytes, JobError, modelPull, type Model, type ModelPull, type UnfinishedModel } from '../../../contract/index.ts';
import type { Catalog, Collection } from '../../../jobs/index.ts';
import { HubCache } from './hub-cache.ts';

/** A model of the catalog that came from the Hub. */
export type HubModel = Model & ModelPull;

export function isHubModel(model: Model): model is HubModel {
  return model.repo !== undefined && model.revision !== undefined && model.files !== undefined;
}

/** The files of models of the Hub, those that are complete and those that are on their way. */
export class HubShelf {
  readonly cache: HubCache;
  readonly #models: Collection<Model>;
  /** Written before the first byte of a download, so that a crash leaves nothing that no list shows. */
  readonly #pulls: Collection<ModelPull>;

  constructor(catalog: Catalog, models: Collection<Model>, directory: string) {
    this.cache = new HubCache(directory);
    this.#models = models;
    this.#pulls = catalog.collection<ModelPull>('model_pulls', [], (value, key) => {
      const { data } = modelPull.safeParse(value);
      return data?.model === key ? data : undefined;
    });
  }

  /** Where the model is loaded from: its first part. The others are beside it. */
  pathOf({ repo, revision: commit, files: [first] }: ModelPull): string {
    return this.cache.pathOf({ repo, commit, path: first?.path ?? '' });
  }

  /** @throws JobError model_not_found where one of its files is gone; model_corrupt where one has changed */
  async checked(model: HubModel): Promise<Model> {
    const { repo, revision: commit, files, model: name } = model;
    for (const { path, size_bytes: expected } of files) {
      const place = this.cache.pathOf({ repo, commit, path });
      const size = await sizeOf(place);
      const next = `Download it again, or forget it: rbee model delete ${name}`;
      if (size === undefined) throw new JobError('model_not_found', `A file of model '${name}' is missing: ${place}. ${next}`);
      if (size === expected) continue;
      const sentence = `A file of model '${name}' has changed since it was downloaded: ${place} has ${size} bytes, not ${expected}. ${next}`;
      throw new JobError('model_corrupt', sentence);
    }
    return { ...model, path: this.pathOf(model) };
  }

  /** Notes what a download will bring. Parts of an earlier version of it, which it does not bring, are deleted. */
  async begin(pull: ModelPull): Promise<void> {
    const former = this.#pulls.get(pull.model);
    const wanted = new Set(pull.files.map(({ digest }) => digest));
    if (former !== undefined) await this.remove({ ...former, files: former.files.filter(({ digest }) => !wanted.has(digest)) });
    this.#pulls.put(pull.model, pull);
  }

  end(name: string): void {
    if (this.#pulls.get(name) !== undefined) this.#pulls.delete(name);
  }

  pulls(): ModelPull[] {
    return this.#pulls.find();
  }

  /** Of a download that failed before its first byte, nothing is left. */
  async forgetIfEmpty(name: string): Promise<void> {
    const pull = this.#pulls.get(name);
    if (pull === undefined || this.#models.get(name) !== undefined || (await this.#bytesHere(pull)) > 0) return;
    await this.remove(pull);
    this.end(name);
  }

  pull(name: string): ModelPull | undefined {
    return this.#pulls.get(name);
  }

  /** @param isHere whether a model of this name is complete and intact */
  async unfinished(isHere: (name: string) => Promise<boolean>): Promise<UnfinishedModel[]> {
    const found: UnfinishedModel[] = [];
    for (const pull of this.#pulls.find()) {
      if (!(await isHere(pull.model))) found.push({ model: pull.model, size_bytes: await this.#bytesHere(pull) });
    }
    return found;
  }

  /** Deletes the files that no other model uses. Its entries stay, so that a deletion that was cut off can be repeated. */
  async remove({ model, repo, revision: commit, files }: ModelPull): Promise<void> {
    const models = this.#models.find().filter(isHubModel);
    const others = [...models, ...this.#pulls.find()].filter((other) => other.model !== model && other.repo === repo);
    const inUse = new Set(others.flatMap((other) => other.files.map(({ digest }) => digest)));
    const sameCommit = others.filter(({ revision }) => revision === commit);
    const shown = new Set(sameCommit.flatMap((other) => other.files.map(({ path }) => path)));
    const digests = files.filter(({ digest }) => !inUse.has(digest)).map(({ digest }) => ({ repo, digest }));
    const paths = files.filter(({ path }) => !shown.has(path)).map(({ path }) => ({ repo, commit, path }));
    await this.cache.remove(paths, digests);
  }

  /** Deletes the files of a former model that the one in its place does not use. */
  async removeFormer(former: HubModel, model: Model): Promise<void> {
    const isSame = isHubModel(model) && model.repo === former.repo && model.revision === former.revision;
    const kept = new Set(isSame ? model.files.map(({ path }) => path) : []);
    await this.remove({ ...former, files: former.files.filter(({ path }) => !kept.has(path)) });
  }

  async #bytesHere({ repo, files }: ModelPull): Promise<number> {
    const places = files.map(({ digest }) => this.cache.blob(repo, digest));
    const sizes = await Promise.all(places.map(async ({ model, part }) => (await sizeOf(model)) ?? (await sizeOf(part)) ?? 0));
    return sizes.reduce((sum, size) => sum + size, 0);
  }
}

export async function sizeOf(file: string): Promise<number | undefined> {
  const stats = await fs.stat(file).catch(() => undefined);
  return stats?.isFile() === true ? stats.size : undefined;
}

export function piecesText({ files, size_bytes }: Pick<HubModel, 'files' | 'size_bytes'>): string {
  return `${formatBytes(size_bytes)}${files.length === 1 ? '' : ` in ${files.length} parts`}`;
}
