import { createHash, type Hash } from 'node:crypto';
import { constants } from 'node:fs';
import * as fs from 'node:fs/promises';
import * as z from 'zod';
import { JobError } from '../../contract/index.ts';
import { errnoOf, orDiskFull, syncDirectoryOf } from './disk.ts';
import { FILE_CHUNK_BYTES } from './limits.ts';
import type { ModelFiles } from './names.ts';
import type { Place } from './source.ts';

/** What a later download needs to resume a part. Stored beside it, readable by its owner: a URL may contain a signature. */
const sidecar = z.object({ source: z.string(), version: z.string().optional(), total: z.number().nullable() });
type Sidecar = z.output<typeof sidecar>;

/**
 * The first part of a model, hashed as it grows. Only the holder of the writer lock opens one.
 * Common filesystems grow a file only after its bytes are on disk, so a crash leaves it short but not wrong.
 */
export class PartFile {
  readonly #files: ModelFiles;
  readonly #source: string;
  readonly #handle: fs.FileHandle;
  #hash: Hash = createHash('sha256');
  #size = 0;
  #version: string | undefined;
  #total: number | null = null;

  private constructor(files: ModelFiles, source: string, handle: fs.FileHandle) {
    this.#files = files;
    this.#source = source;
    this.#handle = handle;
  }

  /** Opens the part of an earlier download from this source, or an empty one. A part from another source is discarded. */
  static async open(files: ModelFiles, source: string): Promise<PartFile> {
    const known = await readSidecar(files.sidecar);
    if (known?.source === source) await takeBackUnlisted(files, known);
    const part = new PartFile(files, source, await openPlainFile(files.part));
    try {
      const { size } = await part.#handle.stat();
      if (known !== undefined && canGoOn(known, source, size)) part.#adopt(known, size);
    } catch (cause) {
      await part.close();
      throw cause;
    }
    return part;
  }

  get file(): string {
    return this.#files.part;
  }

  get place(): Place {
    return { offset: this.#size, version: this.#version, total: this.#total };
  }

  get size(): number {
    return this.#size;
  }

  get complete(): boolean {
    return this.#size === this.#total;
  }

  /** Hashes the bytes of an earlier download: once, after opening and before writing. Yields the progress. */
  async *rehash(signal: AbortSignal): AsyncGenerator<number, void, void> {
    const buffer = Buffer.allocUnsafe(FILE_CHUNK_BYTES);
    for (let position = 0; position < this.#size;) {
      signal.throwIfAborted();
      const { bytesRead } = await this.#handle.read(buffer, 0, Math.min(buffer.length, this.#size - position), position);
      if (bytesRead === 0) throw new JobError('download_failed', `${this.#files.part} was truncated while it was being read`);
      this.#hash.update(buffer.subarray(0, bytesRead));
      position += bytesRead;
      yield position;
    }
  }

  /** Discards all bytes: the file is fetched from its start. */
  async restart({ version, total }: Place): Promise<void> {
    await this.#handle.truncate(0);
    this.#hash = createHash('sha256');
    this.#size = 0;
    this.#version = version;
    this.#total = total;
    await writeSidecar(this.#files.sidecar, { source: this.#source, version, total });
  }

  /** @throws JobError disk_full; the bytes that fitted stay counted and hashed */
  async write(piece: Uint8Array): Promise<void> {
    await orDiskFull(this.#files.part, async () => {
      for (let written = 0; written < piece.length;) {
        const { bytesWritten } = await this.#handle.write(piece, written, piece.length - written, this.#size);
        this.#hash.update(piece.subarray(written, written + bytesWritten));
        this.#size += bytesWritten;
        written += bytesWritten;
      }
    });
  }

  /** To be called once, at the end. */
  digest(): string {
    return this.#hash.digest('hex');
  }

  /** The digest under which git has the file: of its length and its content. */
  async gitDigest(): Promise<string> {
    const hash = createHash('sha1').update(`blob ${this.#size}\0`);
    const buffer = Buffer.allocUnsafe(FILE_CHUNK_BYTES);
    for (let position = 0; position < this.#size;) {
      const { bytesRead } = await this.#handle.read(buffer, 0, buffer.length, position);
      if (bytesRead === 0) break;
      hash.update(buffer.subarray(0, bytesRead));
      position += bytesRead;
    }
    return hash.digest('hex');
  }

  /** Makes it the model, durably and in one step. The sidecar stays until the model is listed. */
  async becomeModel(): Promise<void> {
    await orDiskFull(this.#files.part, () => this.#handle.sync());
    await fs.rename(this.#files.part, this.#files.model);
    await syncDirectoryOf(this.#files.model);
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }

  #adopt({ version, total }: Sidecar, size: number): void {
    this.#size = size;
    this.#version = version;
    this.#total = total;
  }
}

/** Removes the files of a download that is not resumed. A symlink is removed itself, not its target. */
export async function removePart(files: ModelFiles): Promise<void> {
  await fs.rm(files.part, { force: true });
  await removeSidecar(files);
}

export async function removeSidecar(files: ModelFiles): Promise<void> {
  await fs.rm(files.sidecar, { force: true });
}

function canGoOn(known: Sidecar, source: string, size: number): boolean {
  if (known.source !== source || size === 0 || (known.total !== null && size > known.total)) return false;
  return known.version !== undefined || size === known.total;
}

/** A crash between the rename and the catalog's entry leaves a complete model without an entry: it need not be fetched again. */
async function takeBackUnlisted(files: ModelFiles, known: Sidecar): Promise<void> {
  const [model, part] = await Promise.all([plainSize(files.model), plainSize(files.part)]);
  if (part === undefined && model !== undefined && model === known.total) await fs.rename(files.model, files.part);
}

async function plainSize(file: string): Promise<number | undefined> {
  try {
    const stats = await fs.lstat(file);
    return stats.isFile() ? stats.size : undefined;
  } catch (cause) {
    if (errnoOf(cause) === 'ENOENT') return undefined;
    throw cause;
  }
}

/** O_NOFOLLOW: a symlink in the models directory must not lead a download to another file. */
async function openPlainFile(file: string): Promise<fs.FileHandle> {
  const { O_RDWR, O_CREAT, O_NOFOLLOW, O_NONBLOCK } = constants;
  const sentence = `${file} is not a plain file: remove it and try again`;
  let handle: fs.FileHandle;
  try {
    handle = await orDiskFull(file, () => fs.open(file, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0o644));
  } catch (cause) {
    if (!['ELOOP', 'EISDIR', 'ENXIO'].includes(errnoOf(cause) ?? '')) throw cause;
    throw new JobError('download_failed', sentence, { cause });
  }
  if ((await handle.stat()).isFile()) return handle;
  await handle.close();
  throw new JobError('download_failed', sentence);
}

/** Undefined where none can be read: the part is then useless. */
async function readSidecar(file: string): Promise<Sidecar | undefined> {
  const text = await fs.readFile(file, 'utf8').catch(() => '');
  try {
    return sidecar.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

/** In one step, so that a crash leaves the old one or the new one. */
async function writeSidecar(file: string, content: Sidecar): Promise<void> {
  const draft = `${file}.new`;
  await fs.rm(draft, { force: true });
  await orDiskFull(file, () => fs.writeFile(draft, JSON.stringify(content), { flag: 'wx', mode: 0o600 }));
  await fs.rename(draft, file);
}
