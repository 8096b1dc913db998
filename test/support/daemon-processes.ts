import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

export type Daemon = 'queen' | 'hive' | 'worker';

const POLL_MS = 5;

/** Every process of a home, commands included. From /proc: Linux only, like the tests that need it. */
export function processesOf(home: string): number[] {
  return processesWith('environ', (environment) => environment.includes(`RBEE_HOME=${home}`));
}

/** Processes whose environment or command line matches. Empty where there is no /proc. */
export function processesWith(file: 'environ' | 'cmdline', isMeant: (words: string[]) => boolean): number[] {
  if (!existsSync('/proc/self/environ')) return [];
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => isMeant(wordsOf(pid, file)));
}

/** Whether a process runs and belongs to this home; its pid may have been reused by another program. */
export function isOf(home: string, pid: number): boolean {
  return wordsOf(pid, 'environ').includes(`RBEE_HOME=${home}`);
}

function wordsOf(pid: number, file: 'environ' | 'cmdline'): string[] {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8').split('\0');
  } catch {
    return []; // It has exited, or belongs to another user.
  }
}

/** The running daemons of a kind, by their pidfiles. */
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

/** @returns whether it exited in time */
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
    return []; // Replaced or removed in between.
  }
}
