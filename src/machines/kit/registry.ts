import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { mkdtemp, readFile, readdir, rename, rm } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { createGunzip } from 'node:zlib';
import { unpackTar } from 'modern-tar/fs';
import { JobError } from '../../contract/index.ts';
import { ensureDirectory } from '../../daemon/index.ts';
import { narrate } from '../../narration/index.ts';
import { isCached } from './cache.ts';

/** A package to download with npm, in this exact version. */
export interface RegistryPackage {
  name: string;
  version: string;
  /** As in a package-lock.json, 'sha512-…'. Where it is unknown, only npm's check against its registry applies. */
  integrity: string | undefined;
}

const FETCH_DEADLINE_MS = 15 * 60_000;

export function packagesIn(cache: string): string {
  return join(cache, 'packages');
}

/**
 * The folder with a package of npm's registry, downloaded once. None of its scripts is run.
 * @throws JobError kit_failed without npm, without access to its registry, or for a package with another digest
 */
export async function fetchPackage(
  wanted: RegistryPackage,
  { cache, signal }: { cache: string; signal: AbortSignal },
): Promise<string> {
  const title = `${wanted.name}@${wanted.version}`;
  const folder = join(packagesIn(cache), title.replace('/', '+'));
  if (await isCached(folder)) return folder;
  narrate('kit_fetch', `downloading ${title} for the kit`);
  const aside = await mkdtemp(join(await ensureDirectory(dirname(folder)), 'fetch-'));
  try {
    await runNpm(title, aside, signal);
    const file = (await readdir(aside)).find((name) => name.endsWith('.tgz'));
    if (file === undefined) throw new JobError('kit_failed', `npm downloaded no file for ${title}`);
    await requireIntegrity(join(aside, file), wanted);
    await pipeline(createReadStream(join(aside, file)), createGunzip(), unpackTar(join(aside, 'unpacked'), { strip: 1 }), {
      signal,
    });
    await isCached(join(aside, 'unpacked'));
    await rename(join(aside, 'unpacked'), folder).catch((cause: unknown) => {
      // Another install may have downloaded the same package.
      if (!existsSync(folder)) throw cause;
    });
    return folder;
  } catch (cause) {
    signal.throwIfAborted();
    if (cause instanceof JobError) throw cause;
    throw new JobError('kit_failed', `${title}, which the kit needs, could not be unpacked: ${String(cause)}`, { cause });
  } finally {
    await rm(aside, { recursive: true, force: true });
  }
}

async function runNpm(title: string, folder: string, signal: AbortSignal): Promise<void> {
  const patience = [
    '--fetch-retries=2',
    '--fetch-retry-mintimeout=1000',
    '--fetch-retry-maxtimeout=5000',
    '--fetch-timeout=60000',
  ];
  const args = ['pack', title, '--pack-destination', folder, '--ignore-scripts', '--loglevel=error', ...patience];
  // A daemon's PATH may be short; npm is beside the node that it came with.
  const env = { ...process.env, PATH: `${process.env['PATH'] ?? ''}${delimiter}${dirname(process.execPath)}` };
  try {
    await promisify(execFile)('npm', args, { cwd: folder, env, signal, timeout: FETCH_DEADLINE_MS });
  } catch (cause) {
    signal.throwIfAborted();
    throw npmError(title, cause);
  }
}

function npmError(title: string, cause: unknown): JobError {
  if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') {
    const sentence = `The kit needs ${title} from npm, but there is no npm in PATH here. It comes with Node.js`;
    return new JobError('kit_failed', sentence, { cause });
  }
  const words = cause instanceof Error && 'stderr' in cause ? String(cause.stderr) : String(cause);
  const [first = 'it gave no reason'] = words
    .split('\n')
    .flatMap((line) => /^npm error (?!code |errno |syscall )(.+)$/.exec(line)?.[1] ?? []);
  return new JobError('kit_failed', `npm could not download ${title}, which the kit needs: ${first}. Is this machine online?`, {
    cause,
  });
}

async function requireIntegrity(file: string, { name, version, integrity }: RegistryPackage): Promise<void> {
  if (integrity === undefined) return;
  const actual = `sha512-${createHash('sha512')
    .update(await readFile(file))
    .digest('base64')}`;
  if (actual === integrity) return;
  throw new JobError('kit_failed', `${name}@${version} does not have the expected digest, so it is not used`);
}
