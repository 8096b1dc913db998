import { createHash } from 'node:crypto';
import { realpathSync } from 'node:fs';
import { mkdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Role } from '../contract/index.ts';
import { fileError, isSystemError } from './file-error.ts';
import { rootsOf, type Environment } from './roots.ts';

/** The folders of one fleet on this machine. None exists until ensureDirectory is called. */
export interface HomePaths {
  /** Distinguishes two fleets on one machine; `home` in GET /health. 16 hexadecimal digits. */
  readonly homeId: string;
  readonly config: string;
  readonly data: string;
  /** Files that can be created again at any time. */
  readonly cache: string;
  readonly models: string;
  /** Damaged files that were set aside, for the user to examine and delete. */
  readonly damaged: string;
  readonly logs: string;
  /** Pidfiles. Not in XDG_RUNTIME_DIR, which is emptied at log-out while rbee's daemons keep running. */
  readonly run: string;
  /** Which binaries of the engine are known to load on this machine. */
  readonly binaryTrials: string;
  /** The file with the secret that the processes of this home prove to each other. */
  readonly secret: string;
  /** The folder for the events of a role's jobs. */
  jobs(role: Role): string;
  logFile(name: string): string;
}

export function homePaths(env: Environment = process.env): HomePaths {
  const { config, data, state, cache } = rootsOf(env);
  return {
    homeId: digestOf([config, data, state]),
    config,
    data,
    cache,
    models: join(data, 'models'),
    damaged: join(data, 'damaged'),
    logs: join(state, 'logs'),
    run: join(state, 'run'),
    binaryTrials: join(cache, 'binary-trials'),
    secret: join(state, 'secret'),
    jobs: (role) => join(data, 'jobs', role),
    logFile: (name) => join(state, 'logs', `${name}.log`),
  };
}

/** Creates the folder and its parents, for this user only. An existing folder keeps its mode. */
export async function ensureDirectory(path: string): Promise<string> {
  try {
    await createDirectory(path);
    return path;
  } catch (error) {
    // The folder that fails may be a parent.
    const failed = isSystemError(error) ? (error.path ?? path) : path;
    throw fileError(error, `create the folder ${failed}`);
  }
}

/** One folder at a time, because Node's `recursive` fails with ENOENT where the disk is full or read-only. */
async function createDirectory(path: string): Promise<void> {
  if (await isDirectory(path)) return;
  if (dirname(path) !== path) await createDirectory(dirname(path));
  try {
    await mkdir(path, { mode: 0o700 });
  } catch (error) {
    // Another process may have created it.
    if (!(await isDirectory(path))) throw error;
  }
}

async function isDirectory(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (error) {
    if (isSystemError(error) && (error.code === 'ENOENT' || error.code === 'ENOTDIR')) return false;
    throw error;
  }
}

function digestOf(roots: string[]): string {
  return createHash('sha256').update(roots.map(withoutLinks).join('\n')).digest('hex').slice(0, 16);
}

/**
 * Resolves the links of a path as far as it exists. The digest is then the same for every name of the home (/tmp and /private/tmp
 * on macOS), before and after the folder is created.
 */
function withoutLinks(path: string): string {
  try {
    return realpathSync(path);
  } catch (error) {
    if (!isSystemError(error) || dirname(path) === path) throw error;
    return join(withoutLinks(dirname(path)), basename(path));
  }
}
