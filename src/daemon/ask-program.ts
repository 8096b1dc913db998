import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { JobError } from '../contract/index.ts';

/** From being killed to having ended. One that hangs in a driver of the kernel ends when that lets go of it, or never. */
const END_MS = 500;

/** Programs that were killed and have not ended: another one would only hang beside them. */
const unended = new Set<string>();

export interface Asking {
  withinMs: number;
  env?: NodeJS.ProcessEnv;
  /** Then nobody wants to know any more. */
  signal?: AbortSignal;
}

/**
 * What a program says on stdout. It is killed when it takes too long, and not waited for when it cannot be.
 * @throws what execFile throws; JobError deadline_exceeded when it does not even end
 */
export async function askProgram(file: string, args: readonly string[], { withinMs, ...how }: Asking): Promise<string> {
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
  return new JobError('deadline_exceeded', `'${title}' was killed and does not end`);
}
