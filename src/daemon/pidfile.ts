import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { lstat, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { roles, type Role } from '../contract/index.ts';
import { fileError, missing } from './file-error.ts';
import { ensureDirectory } from './paths.ts';
import { processStart } from './process-start.ts';

/** Identifies one process: a reused pid has another start. */
export interface ProcessIdentity {
  readonly pid: number;
  /** From processStart. */
  readonly started: string;
}

/** How a daemon can be found by other processes of this machine. */
export interface Pidfile extends ProcessIdentity {
  readonly role: Role;
  /** Unique in the run folder: 'queen', 'hive', or the worker's id. */
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly version: string;
  /** Fields of the role itself, such as a worker's model. */
  readonly extra?: Readonly<Record<string, unknown>>;
}

export type PidfileRead =
  { kind: 'found'; pidfile: Pidfile } | { kind: 'absent' } | { kind: 'garbage'; /** Removed, and why. */ reason: string };

/**
 * Writes this process's own pidfile atomically, readable by this user only.
 * Call it after the port is bound: the port is the lock between two daemons of one name, and the file only records the winner.
 */
export async function writePidfile(run: string, daemon: Omit<Pidfile, 'pid' | 'started'>): Promise<Pidfile> {
  const started = await processStart(process.pid);
  assert(started !== undefined, 'this process runs');
  const pidfile: Pidfile = { ...daemon, pid: process.pid, started };
  const path = pathOf(run, daemon.name);
  const unfinished = `${path}.${process.pid}.tmp`;
  await ensureDirectory(run);
  try {
    await writeFile(unfinished, `${JSON.stringify(pidfile)}\n`, { mode: 0o600 });
    await rename(unfinished, path);
    return pidfile;
  } catch (error) {
    await rm(unfinished, { force: true });
    throw fileError(error, `write the pidfile ${path}`);
  }
}

/** Never throws for the content of the file: an incomplete or foreign file is removed, and the reason returned. */
export async function readPidfile(run: string, name: string): Promise<PidfileRead> {
  const path = pathOf(run, name);
  const aside = await moveFolderAside(path);
  if (aside !== undefined) return { kind: 'garbage', reason: `moved ${path} to ${aside}: it is a folder` };
  const text = await textOf(path);
  if (text === undefined) return { kind: 'absent' };
  const pidfile = parsePidfile(text);
  if (pidfile?.name === name) return { kind: 'found', pidfile };
  await removeIfStill(path, text);
  return { kind: 'garbage', reason: `removed ${path}: it is not a valid pidfile` };
}

/** All pidfiles, of running and exited processes, by name. Also deletes incomplete files of exited writers. */
export async function listPidfiles(run: string): Promise<Exclude<PidfileRead, { kind: 'absent' }>[]> {
  const entries = await entriesOf(run);
  await Promise.all(entries.map((entry) => sweepUnfinished(run, entry)));
  const names = entries.filter((entry) => entry.endsWith('.json')).map((entry) => entry.slice(0, -'.json'.length));
  const valid = names.filter((name) => validName.test(name)).toSorted();
  const reads = await Promise.all(valid.map((name) => readPidfile(run, name)));
  return reads.filter((read) => read.kind !== 'absent');
}

export async function isAlive({ pid, started }: ProcessIdentity): Promise<boolean> {
  return (await processStart(pid)) === started;
}

/**
 * Removes the pidfile if it still belongs to this process. @returns whether it did
 * A daemon removes its own before it closes its port: after that, the file may already belong to its successor.
 */
export async function removePidfile(run: string, { name, pid, started }: ProcessIdentity & { name: string }): Promise<boolean> {
  const path = pathOf(run, name);
  const text = await textOf(path);
  const found = text === undefined ? undefined : parsePidfile(text);
  if (text === undefined || found?.pid !== pid || found.started !== started) return false;
  return removeIfStill(path, text);
}

const validName = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;

/** Names never come from a request: one that leads out of the folder is a bug in rbee. */
function pathOf(run: string, name: string): string {
  assert.match(name, validName, 'the name of a pidfile');
  return join(run, `${name}.json`);
}

async function entriesOf(run: string): Promise<string[]> {
  try {
    return (await readdir(run).catch(missing)) ?? [];
  } catch (error) {
    throw fileError(error, `read the folder ${run}`);
  }
}

/** @returns its new path; undefined where there is no folder, or another reader has moved it */
async function moveFolderAside(path: string): Promise<string | undefined> {
  if (!(await isFolder(path))) return undefined;
  const aside = `${path}.${randomUUID()}`;
  try {
    return await rename(path, aside).then(() => aside, missing);
  } catch (error) {
    throw fileError(error, `move the folder ${path} out of the way`);
  }
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await lstat(path).catch(missing))?.isDirectory() === true;
  } catch (error) {
    throw fileError(error, `read the pidfile ${path}`);
  }
}

async function textOf(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8').catch(missing);
  } catch (error) {
    throw fileError(error, `read the pidfile ${path}`);
  }
}

function parsePidfile(text: string): Pidfile | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    assert(error instanceof SyntaxError);
    return undefined;
  }
  return isPidfile(value) ? value : undefined;
}

function isPidfile(value: unknown): value is Pidfile {
  if (typeof value !== 'object' || value === null) return false;
  const file: Partial<Record<keyof Pidfile, unknown>> = value;
  const texts = [file.started, file.name, file.host, file.version];
  return (
    texts.every((text) => typeof text === 'string' && text !== '') &&
    roles.some((role) => role === file.role) &&
    // In kill(2), zero and negative pids mean process groups.
    isWithin(file.pid, Number.MAX_SAFE_INTEGER) &&
    isWithin(file.port, 65_535) &&
    (file.extra === undefined || (typeof file.extra === 'object' && file.extra !== null))
  );
}

function isWithin(value: unknown, max: number): boolean {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 1 && value <= max;
}

/** Writers rename complete files into place, so an unchanged text means the same file, and a new file of another daemon stays. */
async function removeIfStill(path: string, text: string): Promise<boolean> {
  if ((await textOf(path)) !== text) return false;
  await remove(path);
  return true;
}

async function sweepUnfinished(run: string, entry: string): Promise<void> {
  const writer = /\.json\.(\d+)\.tmp$/.exec(entry)?.[1];
  if (writer === undefined || (await processStart(Number(writer))) !== undefined) return;
  await remove(join(run, entry));
}

async function remove(path: string): Promise<void> {
  try {
    await rm(path, { force: true });
  } catch (error) {
    throw fileError(error, `remove the pidfile ${path}`);
  }
}
