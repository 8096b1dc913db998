import type { ChildProcess, ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { JobError } from '../../contract/index.ts';
import { NOISE_LIMIT_BYTES, OUTPUT_LIMIT_BYTES, type Frame } from './frame.ts';
import type { ShellRun } from './shell.ts';
import { endGroup, newerOptions, noSsh, spawnSsh } from './spawn-ssh.ts';

/** From the end; enough for ssh's longest warning. */
const WORDS_LIMIT_BYTES = 16 * 1024;
/** A shared connection, which ssh leaves in the background, may keep the pipes open after ssh has exited. */
const DRAIN_MS = 300;

export interface SshRun extends Pick<ShellRun, 'input' | 'signal' | 'withinMs'> {
  /** For the message of a deadline: "Examining the machine". */
  doing: string;
  /** Its connection is not shared, so its process group is killed when it ends. */
  alone?: boolean;
  /** Frame of the remote command: separates its output, and says when its stdin may be sent. */
  frame?: Frame;
  /** Gets stderr as it arrives, also of a run that is then given up. */
  onWords?: (text: string) => void;
}

export interface SshEnding {
  /** 255: ssh itself failed. */
  status: number;
  /** With a frame: only the output of the framed command. */
  stdout: string;
  stderr: string;
}

/**
 * Runs the system's ssh until it exits, with any status. With a frame: until the framed command has ended, because a program that
 * start-up files have started may keep the connection open indefinitely. A run that is given up is killed.
 * @throws JobError deadline_exceeded; ssh_failed without an ssh client or with too much output; the signal's reason; the input's error
 */
export async function runSsh(args: readonly string[], run: SshRun): Promise<SshEnding> {
  const newer = await newerOptions();
  run.signal.throwIfAborted();
  const stop = new AbortController();
  const child = spawnSsh(newer, args);
  const late = setTimeout(() => stop.abort(tooLate(run)), run.withinMs);
  const onAbort = () => stop.abort(run.signal.reason);
  run.signal.addEventListener('abort', onAbort, { once: true });
  try {
    const { output, begun, framed } = collect(child, stop, run);
    // Sent earlier, start-up files would read the input of the script.
    if (run.input === undefined) child.stdin.on('error', () => undefined).end();
    else void begun.then(() => feed(child, run.input ?? '', stop));
    const ended = endOf(child);
    const complete = framed.then(() => Promise.race([ended, delay(DRAIN_MS)]));
    const status = await Promise.race([ended, complete, whenAborted(stop.signal)]);
    return { status: run.frame?.status ?? status ?? 255, ...output() };
  } finally {
    // Stops an input that is itself waiting.
    stop.abort();
    clearTimeout(late);
    run.signal.removeEventListener('abort', onAbort);
    // SIGKILL: a frozen process does not react to SIGTERM.
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
    if (run.alone === true) endGroup(child);
    child.stdin.destroy();
    child.stdout.destroy();
    child.stderr.destroy();
  }
}

async function endOf(child: ChildProcess): Promise<number> {
  const closed = once(child, 'close');
  closed.catch(() => undefined);
  try {
    const [status] = (await once(child, 'exit')) as [number | null];
    await Promise.race([closed, delay(DRAIN_MS)]);
    return status ?? 255;
  } catch (cause) {
    throw noSsh(cause);
  }
}

interface Collected {
  /** The output so far. */
  output: () => Omit<SshEnding, 'status'>;
  /** Resolves when the command reads stdin: at once without a frame. */
  begun: Promise<void>;
  /** Resolves when the framed command has ended. */
  framed: Promise<void>;
}

function collect(child: ChildProcessWithoutNullStreams, stop: AbortController, { frame, onWords }: SshRun): Collected {
  const stdout: Buffer[] = [];
  let stdoutBytes = 0;
  let stderr = Buffer.alloc(0);
  let stderrBytes = 0;
  const tooMuch = () => {
    const says =
      frame?.begun === false
        ? 'The machine, or a start-up file there, prints endless output'
        : `The output of the machine exceeds ${OUTPUT_LIMIT_BYTES} bytes`;
    stop.abort(new JobError('ssh_failed', says));
  };
  child.stderr.on('data', (chunk: Buffer) => {
    stderrBytes += chunk.length;
    if (stderrBytes > NOISE_LIMIT_BYTES) return tooMuch();
    stderr = Buffer.concat([stderr, chunk]).subarray(-WORDS_LIMIT_BYTES);
    onWords?.(chunk.toString());
  });
  const output = () => {
    const words = stderr.toString();
    if (frame === undefined) return { stdout: Buffer.concat(stdout).toString(), stderr: words };
    return { stdout: frame.output, stderr: frame.wordsOf(words) };
  };
  if (frame === undefined) {
    child.stdout.on('data', (chunk: Buffer) => {
      stdoutBytes += chunk.length;
      if (stdoutBytes <= OUTPUT_LIMIT_BYTES) stdout.push(chunk);
      else tooMuch();
    });
    return { output, begun: Promise.resolve(), framed: new Promise(() => undefined) };
  }
  const when = (is: () => boolean) => new Promise<void>((resolve) => child.stdout.on('data', () => void (is() && resolve())));
  child.stdout.on('data', (chunk: Buffer) => {
    frame.push(chunk);
    if (frame.isTooLong) tooMuch();
  });
  return { output, begun: when(() => frame.begun), framed: when(() => frame.status !== undefined) };
}

/** With back-pressure. A script may exit before it has read everything; only a source that fails stops the run. */
async function feed(child: ChildProcess, input: string | AsyncIterable<Uint8Array>, stop: AbortController): Promise<void> {
  if (child.stdin === null) return;
  const source = typeof input === 'string' ? Readable.from([Buffer.from(input)]) : Readable.from(watched(input, stop));
  await pipeline(source, child.stdin, { signal: stop.signal }).catch(() => undefined);
}

/** Stops the run for an error of the input only: the error of a broken pipe is thrown into this generator too. */
async function* watched(input: AsyncIterable<Uint8Array>, stop: AbortController): AsyncGenerator<Uint8Array> {
  const chunks = input[Symbol.asyncIterator]();
  const next = () =>
    chunks.next().catch((error: unknown) => {
      stop.abort(error);
      throw error;
    });
  try {
    for (let step = await next(); step.done !== true; step = await next()) yield step.value;
  } finally {
    await chunks.return?.();
  }
}

function whenAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
  });
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function tooLate({ doing, withinMs, frame }: SshRun): JobError {
  const where = frame?.begun === false ? '; the command did not start there' : '';
  return new JobError('deadline_exceeded', `${doing} took longer than ${Math.ceil(withinMs / 1000)} s${where}`);
}
