import { createHash, randomUUID } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
// The system's tar has different options for owner, time and order on each system, or none; this package has no dependencies.
import { packTar } from 'modern-tar/fs';
import { formatBytes, isDiskFullError, JobError } from '../../contract/index.ts';
import { ensureDirectory } from '../../daemon/index.ts';
import { narrate } from '../../narration/index.ts';
import { isCached } from './cache.ts';
import type { KitFile } from './contents.ts';
import { ByteMeter } from './meter.ts';

/** One .tar.gz of a kit, named by the sha256 of its bytes. */
export interface Layer {
  digest: string;
  /** The file on this machine. */
  path: string;
  sizeBytes: number;
  /** Its size on disk, unpacked. */
  unpackedBytes: number;
}

export interface Packing {
  /** 'engine-linux-x64'. */
  name: string;
  files: readonly KitFile[];
  cache: string;
  signal: AbortSignal;
  /** Shared by all layers that are packed at once. */
  meter?: ByteMeter;
}

type Remembered = Omit<Layer, 'path'>;

/** Level 1 is three times as fast as level 6 and an eighth larger: right for machines on the same network. */
const GZIP_LEVEL = 1;
const DISK_BLOCK_BYTES = 4096;
const A_FIXED_DAY = new Date('2020-01-01T00:00:00Z');

/** The same files give the same bytes. Packed once, then cached until a file changes. @throws JobError kit_failed, disk_full */
export async function makeLayer(packing: Packing): Promise<Layer> {
  const files = packing.files.toSorted((one, other) => (one.path < other.path ? -1 : 1));
  const key = createHash('sha256')
    .update(JSON.stringify(files.map(({ path, isExecutable, sizeBytes, mtimeMs }) => [path, isExecutable, sizeBytes, mtimeMs])))
    .digest('hex');
  const note = join(packing.cache, `${packing.name}-${key.slice(0, 12)}.json`);
  const remembered = await recall(packing, note);
  if (remembered !== undefined) return remembered;
  const layer = await pack({ ...packing, files });
  await remember(note, layer);
  return layer;
}

export function packingMeter(): ByteMeter {
  return new ByteMeter('kit_pack');
}

async function pack(packing: Packing): Promise<Layer> {
  const { name, files, cache, signal, meter = packingMeter() } = packing;
  const total = files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  narrate('kit_pack', `packing ${name}: ${formatBytes(total)}`);
  const unfinished = join(await ensureDirectory(cache), `${name}.${randomUUID()}.tmp`);
  const sources = files.map(({ path, source, isExecutable }) => ({
    type: 'file' as const,
    source,
    target: path,
    mode: isExecutable ? 0o755 : 0o644,
    mtime: A_FIXED_DAY,
    uid: 0,
    gid: 0,
  }));
  const hash = createHash('sha256');
  let sizeBytes = 0;
  try {
    const tar = meter.passing(packTar(sources), total);
    await pipeline(
      tar,
      createGzip({ level: GZIP_LEVEL }),
      async function* (bytes: AsyncIterable<Buffer>) {
        for await (const piece of bytes) {
          hash.update(piece);
          sizeBytes += piece.length;
          yield piece;
        }
      },
      createWriteStream(unfinished, { mode: 0o600 }),
      { signal },
    );
    const digest = hash.digest('hex');
    await rename(unfinished, layerFile(packing, digest));
    const unpackedBytes = files.reduce((sum, file) => sum + Math.ceil(file.sizeBytes / DISK_BLOCK_BYTES) * DISK_BLOCK_BYTES, 0);
    return { digest, path: layerFile(packing, digest), sizeBytes, unpackedBytes };
  } catch (cause) {
    await rm(unfinished, { force: true });
    signal.throwIfAborted();
    throw packError(name, cause);
  }
}

/** Its bytes, from the first one that the machine lacks. */
export function layerBytes({ path }: Layer, from: number): AsyncIterable<Uint8Array> {
  return createReadStream(path, { start: from, highWaterMark: 256 * 1024 });
}

function layerFile({ cache }: Packing, digest: string): string {
  return join(cache, `${digest}.tar.gz`);
}

async function recall(packing: Packing, note: string): Promise<Layer | undefined> {
  try {
    const remembered = JSON.parse(await readFile(note, 'utf8')) as Remembered;
    const path = layerFile(packing, remembered.digest);
    const { size } = await stat(path);
    if (size !== remembered.sizeBytes) return undefined;
    if (!(await isCached(note)) || !(await isCached(path))) return undefined;
    return { ...remembered, path };
  } catch {
    // A damaged cache entry is packed again.
    return undefined;
  }
}

async function remember(note: string, { digest, sizeBytes, unpackedBytes }: Layer): Promise<void> {
  const remembered: Remembered = { digest, sizeBytes, unpackedBytes };
  // Two installs may pack the same layer at once: both results are equal, and the later one stays.
  const unfinished = `${note}.${randomUUID()}.tmp`;
  await writeFile(unfinished, JSON.stringify(remembered), { mode: 0o600 });
  await rename(unfinished, note);
}

function packError(name: string, cause: unknown): JobError {
  if (cause instanceof JobError) return cause;
  if (isDiskFullError(cause))
    return new JobError('disk_full', `The disk of this machine is full, so ${name} cannot be packed. Free some space`, { cause });
  return new JobError('kit_failed', `${name} could not be packed: ${String(cause)}`, { cause });
}
