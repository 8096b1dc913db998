import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { dirname, join } from 'node:path';
import { atTheEnd } from './ending.ts';
import type { Fleet } from './fleet.ts';

/** The command line as it is built. */
export const entry = join(dirname(import.meta.dirname), 'dist', 'rbee.js');

export interface Command {
  child: ChildProcess;
  ended: Promise<Outcome>;
}

export interface Outcome {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Starts a command of the fleet's, beside whatever else is going on. */
export function command(fleet: Pick<Fleet, 'env'>, args: string[]): Command {
  const child = spawn(process.execPath, [entry, ...args], { env: fleet.env, stdio: ['ignore', 'pipe', 'pipe'] });
  const forget = atTheEnd(() => child.kill('SIGKILL'));
  const said = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'] as const)
    child[stream].setEncoding('utf8').on('data', (text: string) => (said[stream] += text));
  const ended = once(child, 'close').then(([code]: (number | null)[]) => {
    forget();
    return { code: code ?? null, ...said };
  });
  return { child, ended };
}
