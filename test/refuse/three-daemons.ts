import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'vitest';
import { type Role } from '../../src/contract/index.ts';
import { testSwarm, type Swarm } from '../support/swarm.ts';

const SETTLED_WITHIN_MS = 60_000;

/** A real process of a swarm. */
export interface Daemon {
  role: Role;
  port: number;
  url: string;
  pid: number;
}

export interface ThreeDaemons extends AsyncDisposable {
  swarm: Swarm;
  queen: Daemon;
  hive: Daemon;
  worker: Daemon;
}

/** A queen, a hive and a worker with the tiny model, all of them awake. */
export async function threeDaemons(env: Record<string, string> = {}): Promise<ThreeDaemons> {
  const swarm = await testSwarm({ env });
  expect((await swarm.rbee(['infer', '-q', 'hello'])).code).toBe(0);
  const { workers } = await swarm.result<{ workers: { port: number }[] }>(['worker', 'list']);
  const token = env['RBEE_TOKEN'];
  const find = (role: Role, port: number | string | undefined) => daemonAt(role, Number(port), token);
  return {
    swarm,
    queen: await find('queen', swarm.env['RBEE_QUEEN_PORT']),
    hive: await find('hive', swarm.env['RBEE_HIVE_PORT']),
    worker: await find('worker', workers[0]?.port),
    [Symbol.asyncDispose]: () => swarm[Symbol.asyncDispose](),
  };
}

/** What each daemon says of itself, to tell later whether it is still the same process. */
export async function daemonAt(role: Role, port: number, token?: string): Promise<Daemon> {
  const url = `http://127.0.0.1:${port}`;
  const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const answer = await fetch(`${url}/health`, { headers });
  const health = (await answer.json()) as { role: Role; pid: number };
  expect(health.role).toBe(role);
  return { role, port, url, pid: health.pid };
}

export async function expectSameProcess(daemon: Daemon, token?: string): Promise<void> {
  expect(await daemonAt(daemon.role, daemon.port, token)).toEqual(daemon);
}

/** Resident memory; 0 where no system file tells it. */
export function residentMb({ pid }: Pick<Daemon, 'pid'>): number {
  if (process.platform !== 'linux') return 0;
  const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Number(kilobytes) / 1024;
}

/** User and system time of all its threads, in steps of 0.01 s; 0 where no system file shows it. */
export function cpuSeconds({ pid }: Pick<Daemon, 'pid'>): number {
  if (process.platform !== 'linux') return 0;
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // After the name, which may hold spaces: the 12th and the 13th field.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

/** The least resident memory of an idle daemon, whose garbage is being collected; ends as soon as it is below `below` MB. */
export async function settledMb(daemon: Pick<Daemon, 'pid' | 'url'>, below: number): Promise<number> {
  const deadline = performance.now() + SETTLED_WITHIN_MS;
  let least = residentMb(daemon);
  while (least > below && performance.now() < deadline) {
    await pause(250);
    // A little traffic lets V8 notice that there is something to collect.
    await fetch(`${daemon.url}/health`).then((answer) => answer.text());
    least = Math.min(least, residentMb(daemon));
  }
  return least;
}

/** Every line that the daemons of a home have logged. */
export function logLines(home: string): string[] {
  const folder = join(home, 'state', 'logs');
  return readdirSync(folder).flatMap((file) => readFileSync(join(folder, file), 'utf8').split('\n'));
}

/** A daemon says so itself when it finds a defect of its own. */
export function expectNoDefects(home: string): void {
  const grave = /"level":"(error|fatal)"|unhandled|uncaught|"code":"internal"|^\s+at /i;
  expect(logLines(home).filter((line) => grave.test(line))).toEqual([]);
}
