import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

export type Daemon = 'queen' | 'hive' | 'worker';

const POLL_MS = 5;

/** Every process of a home, commands included. From /proc: Linux only. */
export function processesOf(home: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => isOf(home, pid));
}

/** Whether a process runs and is of this home: a pid that was given to somebody else is left alone. */
export function isOf(home: string, pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0').includes(`RBEE_HOME=${home}`);
  } catch {
    return false; // It has ended, or is somebody else's.
  }
}

/** Those of a kind that their pidfiles name, and that run. */
export function daemonsOf(home: string, daemon: Daemon): number[] {
  const run = join(home, 'state', 'run');
  if (!existsSync(run)) return [];
  return readdirSync(run)
    .filter((file) => file.endsWith('.json') && file.startsWith(daemon))
    .flatMap((file) => pidIn(join(run, file)))
    .filter((pid) => isOf(home, pid));
}

/** @throws when none runs in time */
export async function daemonOf(home: string, daemon: Daemon, withinMs: number): Promise<number> {
  const deadline = Date.now() + withinMs;
  for (;;) {
    const [pid] = daemonsOf(home, daemon);
    if (pid !== undefined) return pid;
    if (Date.now() > deadline) throw new Error(`no ${daemon} runs, for ${withinMs / 1000} s`);
    await delay(POLL_MS);
  }
}

/** @returns whether it ended in time */
export async function untilGone(home: string, pid: number, withinMs: number): Promise<boolean> {
  const deadline = Date.now() + withinMs;
  while (isOf(home, pid)) {
    if (Date.now() > deadline) return false;
    await delay(POLL_MS);
  }
  return true;
}

function pidIn(file: string): number[] {
  try {
    return [(JSON.parse(readFileSync(file, 'utf8')) as { pid: number }).pid];
  } catch {
    return []; // Replaced, or removed, just now.
  }
}
