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
  ofThisHome,
  ownToken,
  probe,
  readPidfile,
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
  /** For a queen who calls it directly. */
  everywhere?: boolean;
}

const EVERYWHERE = '0.0.0.0';
const START_DEADLINE_MS = 30_000;
const PROBE_DEADLINE_MS = 3_000;
/** A hive that another start has just begun answers when it is ready. */
const BEGUN_DEADLINE_MS = 15_000;
const PORTS_TO_TRY = 100;

interface RunningHive {
  port: number;
  pid: number;
  started: boolean;
}

/**
 * Lets the hive of this home run: as this version, under this id, with this token and on this port. One that does already is
 * left alone; another is stopped first. Prints one line of JSON: port, pid, version, and whether it was started now.
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
    isAsked(present, { id, port, everywhere }) &&
    (await pidAt(present.port, { token })) !== undefined
  ) {
    await say(view, { port: present.port, pid: present.pid, started: false });
    return 0;
  }
  await stopOthers();
  const started = await start({ id, port, token, everywhere, signal: interrupt.signal });
  if ((await pidAt(started.port, { token })) === undefined)
    throw new JobError('daemon_start_failed', `The hive has started on port ${started.port}, but does not answer there`);
  // Where it cannot be kept, on a full disk for example, the hive runs all the same, and says its port to whoever starts it.
  await writeFile(lastPortFile(), `${started.port}\n`, { mode: 0o600 }).catch(() => undefined);
  await say(view, started);
  return 0;
}

function say(view: Session['view'], { port, pid, started }: RunningHive): Promise<void> {
  const hive = { port, pid, version: __RBEE_VERSION__, started };
  return view.result(hive, () => JSON.stringify(hive));
}

/** In a file, because what is in an argument is seen by every user of the machine. */
async function tokenIn(file: string | undefined): Promise<string | undefined> {
  if (file === undefined) return ownToken();
  try {
    return (await readFile(file, 'utf8')).trim() || undefined;
  } catch (cause) {
    throw new JobError('invalid_input', `--token-file: ${String(cause)}`, { cause });
  }
}

async function runningHive(): Promise<Pidfile | undefined> {
  const read = await readPidfile(homePaths().run, 'hive');
  return read.kind === 'found' && (await isAlive(read.pidfile)) ? read.pidfile : undefined;
}

function isAsked(
  hive: Pidfile,
  { id, port, everywhere }: { id: string; port: number | undefined; everywhere: boolean },
): boolean {
  if (hive.host !== (everywhere ? EVERYWHERE : LOOPBACK)) return false;
  return hive.version === __RBEE_VERSION__ && hive.extra?.['hive_id'] === id && (port === undefined || port === hive.port);
}

/** Of the hive of this home that answers there. With this token: one that was started with another one does not prove it. */
async function pidAt(port: number, { token, withinMs = PROBE_DEADLINE_MS }: Asked): Promise<number | undefined> {
  const trust = token === undefined ? ofThisHome() : ({ by: 'token', token, port } as const);
  const found = await probe(LOOPBACK, port, { withinMs, trust });
  if (found.kind !== 'rbee') return undefined;
  const { role, home, pid } = found.health;
  return role === 'hive' && home === homePaths().homeId ? pid : undefined;
}

interface Asked {
  token: string | undefined;
  withinMs?: number;
}

async function stopOthers(): Promise<void> {
  const { running, stale } = await localProcesses();
  const of = (role: Pidfile['role']) => running.filter((pidfile) => pidfile.role === role);
  // Without a hive its workers live on, for the next one to take back.
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

/** Its port is its lock: of two starts at once, the second finds it taken, and waits for the hive of the first. */
async function start({ id, port, token, everywhere, signal }: Start): Promise<RunningHive> {
  const startAt = (at: number) =>
    startDaemon({
      name: 'hive',
      args: ['hive', 'run', '--id', id, '--port', String(at), '--host', everywhere ? EVERYWHERE : LOOPBACK],
      // Not by a link that leads to another version tomorrow.
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
    const pid = await pidAt(usual, { token, withinMs: BEGUN_DEADLINE_MS });
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
