import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { JobError } from '../contract/index.ts';

/** From SIGKILL to the exit. A program that hangs in a kernel driver exits when the driver returns, or never. */
const END_MS = 500;

/** Programs that were killed and have not exited: another one would hang as well. */
const unended = new Set<string>();

export interface Asking {
  withinMs: number;
  env?: NodeJS.ProcessEnv;
  /** Aborts when the answer is no longer needed. */
  signal?: AbortSignal;
}

/**
 * Runs a program and returns its stdout. It is killed at the deadline, and abandoned if it does not exit even then.
 * @throws what execFile throws; JobError deadline_exceeded when the killed program does not exit
 */
export async function programOutput(file: string, args: readonly string[], { withinMs, ...how }: Asking): Promise<string> {
  const title = [file, ...args].join(' ');
  if (unended.has(title)) throw unending(title);
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const giveUp = () => {
      unended.add(title);
      reject(unending(title));
    };
    timer = setTimeout(giveUp, withinMs + END_MS).unref();
  });
  const asked = promisify(execFile)(file, args, { ...how, timeout: withinMs, killSignal: 'SIGKILL' });
  const forget = () => void unended.delete(title);
  asked.then(forget, forget);
  try {
    return (await Promise.race([asked, late])).stdout;
  } finally {
    clearTimeout(timer);
  }
}

function unending(title: string): JobError {
  return new JobError('deadline_exceeded', `'${title}' was killed but does not exit`);
}
