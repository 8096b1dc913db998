import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { isSafeHubPath, JobError } from '../../../contract/index.ts';
import { errnoOf, orDiskFull, syncDirectoryOf } from '../disk.ts';
import type { ModelFiles } from '../names.ts';

/** A file of a repository, as a snapshot shows it. */
export interface CachedFile {
  repo: string;
  commit: string;
  /** In the repository. */
  path: string;
}

/**
 * Models of the Hub on disk, in the layout that the Hub's own programs share (huggingface_hub, "Understand caching"), so that any of them
 * finds a model here:
 *
 *     models--org--repo/blobs/<digest>                 a file, under its name only when its digest was checked
 *     models--org--repo/snapshots/<commit>/<path>      a link to a blob
 *     models--org--repo/refs/<revision>                the commit of a branch or tag
 */
export class HubCache {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  blob(repo: string, digest: string): ModelFiles {
    const model = path.join(this.#folder(repo), 'blobs', digest);
    return { model, part: `${model}.part`, sidecar: `${model}.part.json` };
  }

  /** @throws JobError invalid_input for a path that would leave its snapshot */
  pathOf({ repo, commit, path: name }: CachedFile): string {
    if (!isSafeHubPath(name))
      throw new JobError('invalid_input', `The file name ${JSON.stringify(name.slice(0, 100))} is not used`);
    return path.join(this.#snapshot(repo, commit), ...name.split('/'));
  }

  async ensureBlobs(repo: string): Promise<void> {
    const directory = path.join(this.#folder(repo), 'blobs');
    await orDiskFull(directory, () => fs.mkdir(directory, { recursive: true }));
  }

  /** Shows a blob in a snapshot, durably and in one step. */
  async link(file: CachedFile, digest: string): Promise<void> {
    const place = this.pathOf(file);
    const target = path.relative(path.dirname(place), this.blob(file.repo, digest).model);
    await orDiskFull(place, async () => {
      await fs.mkdir(path.dirname(place), { recursive: true });
      const draft = `${place}.new`;
      await fs.rm(draft, { force: true });
      await fs.symlink(target, draft);
      await fs.rename(draft, place);
    });
    await syncDirectoryOf(place);
  }

  /** Notes the commit of a branch or tag: without the network, other programs look here. */
  async writeRef({ repo, commit }: Omit<CachedFile, 'path'>, revision: string): Promise<void> {
    if (!isSafeHubPath(revision) || revision === commit) return;
    const place = this.#ref(repo, revision);
    await orDiskFull(place, async () => {
      await fs.mkdir(path.dirname(place), { recursive: true });
      await fs.writeFile(`${place}.new`, commit);
      await fs.rename(`${place}.new`, place);
    });
  }

  /** The commit that a branch or tag had when it was last fetched. */
  async commitOf(repo: string, revision: string): Promise<string | undefined> {
    if (/^[0-9a-f]{40}$/.test(revision)) return revision;
    if (!isSafeHubPath(revision)) return undefined;
    const text = await fs.readFile(this.#ref(repo, revision), 'utf8').catch(() => '');
    return /^[0-9a-f]{40}$/.exec(text.trim())?.[0];
  }

  /** Removes the links, then each blob that no other link shows, then folders that are empty. */
  async remove(files: readonly CachedFile[], digests: readonly { repo: string; digest: string }[]): Promise<void> {
    for (const file of files) await fs.rm(this.pathOf(file), { force: true });
    for (const { repo, digest } of digests) {
      const blob = this.blob(repo, digest);
      if (!(await this.#isShown(repo, blob.model))) await fs.rm(blob.model, { force: true });
      for (const each of [blob.part, blob.sidecar]) await fs.rm(each, { force: true });
    }
    for (const file of files) await this.#removeEmpty(path.dirname(this.pathOf(file)));
    for (const repo of new Set([...files, ...digests].map((each) => each.repo))) await this.#removeFolderOf(repo);
  }

  async #isShown(repo: string, blob: string): Promise<boolean> {
    const snapshots = path.join(this.#folder(repo), 'snapshots');
    const entries = await fs.readdir(snapshots, { recursive: true, withFileTypes: true }).catch(() => []);
    for (const entry of entries) {
      if (!entry.isSymbolicLink()) continue;
      const target = await fs.readlink(path.join(entry.parentPath, entry.name)).catch(() => undefined);
      if (target !== undefined && path.resolve(entry.parentPath, target) === blob) return true;
    }
    return false;
  }

  /** References to commits that are no longer here go, and the folder of the repository when nothing else is in it. */
  async #removeFolderOf(repo: string): Promise<void> {
    const folder = this.#folder(repo);
    const refs = await fs.readdir(path.join(folder, 'refs'), { recursive: true, withFileTypes: true }).catch(() => []);
    for (const entry of refs) {
      if (!entry.isFile()) continue;
      const file = path.join(entry.parentPath, entry.name);
      const commit = (await fs.readFile(file, 'utf8').catch(() => '')).trim();
      const isHere = /^[0-9a-f]{40}$/.test(commit) && (await exists(this.#snapshot(repo, commit)));
      if (!isHere) await fs.rm(file, { force: true });
      if (!isHere) await this.#removeEmpty(entry.parentPath);
    }
    await this.#removeEmpty(path.join(folder, 'blobs'));
    await this.#removeEmpty(path.join(folder, 'snapshots'));
  }

  /** The folder, and those above it that become empty. */
  async #removeEmpty(directory: string): Promise<void> {
    for (let each = directory; each.startsWith(`${this.#directory}${path.sep}`); each = path.dirname(each)) {
      try {
        await fs.rmdir(each);
      } catch (cause) {
        if (errnoOf(cause) === 'ENOENT') continue;
        if (['ENOTEMPTY', 'EEXIST', 'ENOTDIR'].includes(errnoOf(cause) ?? '')) return;
        throw cause;
      }
    }
  }

  #snapshot(repo: string, commit: string): string {
    return path.join(this.#folder(repo), 'snapshots', commit);
  }

  #ref(repo: string, revision: string): string {
    return path.join(this.#folder(repo), 'refs', ...revision.split('/'));
  }

  #folder(repo: string): string {
    return path.join(this.#directory, `models--${repo.replace('/', '--')}`);
  }
}

async function exists(file: string): Promise<boolean> {
  return fs.access(file).then(
    () => true,
    () => false,
  );
}
