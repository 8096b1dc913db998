import { realpathSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { JobError, LOOPBACK } from '../../contract/index.ts';
import {
  ensureDirectory,
  firstFreePort,
  hivePort,
  homePaths,
  isAlive,
  homeTrust,
  ownToken,
  probe,
  readPidfile,
  requireToken,
  startDaemon,
  type Pidfile,
} from '../../daemon/index.ts';
import type { Session } from '../session.ts';
import { leaveOnlyUseful } from './hive-environment.ts';
import { localProcesses } from './local-processes.ts';
import { forget, stopHives } from './stop-hives.ts';

export interface UpFlags {
  id: string;
  port?: number;
  tokenFile?: string;
  /** Listens on all addresses, for a queen that calls it directly. */
  everywhere?: boolean;
}

const EVERYWHERE = '0.0.0.0';
const START_DEADLINE_MS = 30_000;
const PROBE_DEADLINE_MS = 3_000;
/** A hive that another process is starting answers once it is ready. */
const STARTING_DEADLINE_MS = 15_000;
const PORTS_TO_TRY = 100;

interface RunningHive {
  port: number;
  pid: number;
  started: boolean;
}

/**
 * Makes sure that the hive of this home runs as this version, with this id, token and port. A hive that already does is left
 * alone; any other is stopped first. Prints its port, pid and version, and whether it was started by this call.
 */
export async function upHive(
  { view, interrupt }: Session,
  { id, port, tokenFile, everywhere = false }: UpFlags,
): Promise<number> {
  interrupt.listen();
  leaveOnlyUseful(process.env);
  const token = await tokenIn(tokenFile);
  const present = await runningHive();
  if (
    present !== undefined &&
    isAsWanted(present, { id, port, everywhere }) &&
    (await pidAt(present.port, { token })) !== undefined
  ) {
    await say(view, { port: present.port, pid: present.pid, started: false });
    return 0;
  }
  await stopOthers();
  const started = await start({ id, port, token, everywhere, signal: interrupt.signal });
  if ((await pidAt(started.port, { token })) === undefined)
    throw new JobError('daemon_start_failed', `The hive started on port ${started.port} but does not answer there`);
  // If the file cannot be written, for example on a full disk, the hive runs all the same: its port is in the result.
  await writeFile(lastPortFile(), `${started.port}\n`, { mode: 0o600 }).catch(() => undefined);
  await say(view, started);
  return 0;
}

function say(view: Session['view'], { port, pid, started }: RunningHive): Promise<void> {
  const hive = { port, pid, version: __RBEE_VERSION__, started };
  return view.result(hive, () => JSON.stringify(hive));
}

/** From a file, because every user of the machine can see the arguments of a process. */
async function tokenIn(file: string | undefined): Promise<string | undefined> {
  if (file === undefined) return ownToken();
  try {
    const token = (await readFile(file, 'utf8')).trim();
    if (token !== '') requireToken(token, '--token-file');
    return token || undefined;
  } catch (cause) {
    if (cause instanceof JobError) throw cause;
    throw new JobError('invalid_input', `--token-file cannot be read: ${String(cause)}`, { cause });
  }
}

async function runningHive(): Promise<Pidfile | undefined> {
  const read = await readPidfile(homePaths().run, 'hive');
  return read.kind === 'found' && (await isAlive(read.pidfile)) ? read.pidfile : undefined;
}

function isAsWanted(
  hive: Pidfile,
  { id, port, everywhere }: { id: string; port: number | undefined; everywhere: boolean },
): boolean {
  if (hive.host !== (everywhere ? EVERYWHERE : LOOPBACK)) return false;
  return hive.version === __RBEE_VERSION__ && hive.extra?.['hive_id'] === id && (port === undefined || port === hive.port);
}

/** The pid of the hive of this home that answers there. A hive that was started with another token cannot prove this one. */
async function pidAt(port: number, { token, withinMs = PROBE_DEADLINE_MS }: Proof): Promise<number | undefined> {
  const trust = token === undefined ? homeTrust() : ({ by: 'token', token, port } as const);
  const found = await probe(LOOPBACK, port, { withinMs, trust });
  if (found.kind !== 'rbee') return undefined;
  const { role, home, pid } = found.health;
  return role === 'hive' && home === homePaths().homeId ? pid : undefined;
}

interface Proof {
  token: string | undefined;
  withinMs?: number;
}

async function stopOthers(): Promise<void> {
  const { running, stale } = await localProcesses();
  const of = (role: Pidfile['role']) => running.filter((pidfile) => pidfile.role === role);
  // Workers without a hive are left running: the next hive takes them back.
  if (of('hive').length > 0) await stopHives(of('hive'), of('worker'), async () => undefined);
  await forget(stale);
}

interface Start {
  id: string;
  port: number | undefined;
  token: string | undefined;
  everywhere: boolean;
  signal: AbortSignal;
}

/** The port is the lock: of two starts at once, the second finds it in use and waits for the hive of the first. */
async function start({ id, port, token, everywhere, signal }: Start): Promise<RunningHive> {
  const startAt = (at: number) =>
    startDaemon({
      name: 'hive',
      args: ['hive', 'run', '--id', id, '--port', String(at), '--host', everywhere ? EVERYWHERE : LOOPBACK],
      // The real path, since a link may lead to another version tomorrow.
      ...(process.argv[1] === undefined ? {} : { entry: realpathSync(process.argv[1]) }),
      ...(token === undefined ? {} : { env: { RBEE_TOKEN: token } }),
      logFile: homePaths().logFile('hive'),
      readyWithinMs: START_DEADLINE_MS,
      signal,
    });
  const usual = port ?? (await lastPort()) ?? hivePort();
  try {
    const { pid } = await startAt(usual);
    return { pid, port: usual, started: true };
  } catch (cause) {
    if (!(cause instanceof JobError) || cause.code !== 'port_taken') throw cause;
    const pid = await pidAt(usual, { token, withinMs: STARTING_DEADLINE_MS });
    if (pid !== undefined) return { pid, port: usual, started: false };
    if (port !== undefined) throw cause;
  }
  const free = await firstFreePort({ first: hivePort(), last: hivePort() + PORTS_TO_TRY - 1 }, LOOPBACK);
  const { pid } = await startAt(free);
  return { pid, port: free, started: true };
}

async function lastPort(): Promise<number | undefined> {
  await ensureDirectory(homePaths().data);
  const text = await readFile(lastPortFile(), 'utf8').catch(() => '');
  return /^\d{1,5}\n$/.test(text) ? Number(text) : undefined;
}

function lastPortFile(): string {
  return join(homePaths().data, 'hive-port');
}
