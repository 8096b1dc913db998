import assert from 'node:assert/strict';
import { spawn, type ChildProcess, type SpawnOptions } from 'node:child_process';
import { resolve as absolute } from 'node:path';
import { JobError } from '../contract/index.ts';
import { logText } from './log-text.ts';
import { openLog, tailLog } from './logs.ts';
import { killGroupOf } from './process-group.ts';
import { processStart } from './process-start.ts';
import { isStartMessage, type Readiness, type StartMessage, type StartStep } from './start-message.ts';
import { stopProcess } from './stop.ts';
import { tokenEnvironment } from './token.ts';

/** After a failed start, the time that the child has to clean up and exit before it is killed. */
const END_GRACE_MS = 2_000;
const LAST_OUTPUT_LINES = 10;

export interface DaemonStart {
  /** Its name in messages, such as 'queen' or 'worker-1a2b3c4d'. */
  readonly name: string;
  /** After the entry: ['queen', 'run']. */
  readonly args: readonly string[];
  /** Gets its stdout and stderr. */
  readonly logFile: string;
  readonly readyWithinMs: number;
  /** The program to run; this same rbee when left out. */
  readonly entry?: string;
  /** On top of this process's own environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Cancels the start, and ends the process. */
  readonly signal?: AbortSignal;
  readonly onStep?: (step: StartStep) => void;
}

export interface Ending {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface StartedDaemon extends Readiness {
  readonly pid: number;
  /** Resolves when it exits, if this process still runs; awaiting it does not keep this process alive. */
  readonly ended: Promise<Ending>;
}

/**
 * Starts a daemon that outlives this process, and returns once it has reported that it is ready.
 *
 * Throws the daemon's own error when it reports one (port_taken when another starter was faster: probe again and adopt),
 * daemon_start_failed with the end of its log when it exits without a report, deadline_exceeded with its last step, cancelled when
 * `signal` aborts, disk_full when its log cannot be written. After any of them, no started process is left.
 */
export async function startDaemon(start: DaemonStart): Promise<StartedDaemon> {
  if (start.signal?.aborted) throw cancelled(start);
  const { handle, startByte } = await openLog(start.logFile);
  await using log = handle;
  const child = spawnDaemon(start, log.fd);
  // Subscribes before anything is awaited: a message without a listener is lost.
  const ended = new Promise<Ending>((resolve) => {
    child.once('exit', (exitCode, signal) => resolve({ exitCode, signal }));
  });
  const outcome = await firstOutcome(child, start);
  if (outcome.kind === 'ready') {
    if (child.connected) child.disconnect();
    child.unref();
    assert(child.pid !== undefined, 'a process that sends a message has a pid');
    const { port, extra } = outcome;
    return { pid: child.pid, port, ...(extra === undefined ? {} : { extra }), ended };
  }
  await endChild(child, start.name);
  throw await errorOf(outcome, start, startByte);
}

/** The cause of the error of a start whose process exited without a report. */
class EndedBeforeReady extends Error {
  readonly ending: Ending;

  constructor(ending: Ending) {
    super('it exited before it was ready');
    this.ending = ending;
  }
}

/** The signal that ended a process before it was ready. Such a start may be retried. */
export function signalThatEndedStart(error: unknown): NodeJS.Signals | undefined {
  const cause = error instanceof JobError ? error.cause : undefined;
  return cause instanceof EndedBeforeReady ? (cause.ending.signal ?? undefined) : undefined;
}

/** The outcome of a start: the first of these. */
type Outcome =
  | Extract<StartMessage, { kind: 'ready' | 'failed' }>
  | ({ kind: 'ended' } & Ending)
  | { kind: 'late'; lastStep: string | undefined }
  | { kind: 'not_spawned'; cause: Error }
  | { kind: 'cancelled' };

/** The program of this process, so that a fleet never mixes versions by accident. */
export function rbeeEntry(): string {
  const entry = process.argv[1];
  assert(entry !== undefined, 'a daemon is started from the rbee command, or with its own entry');
  return entry;
}

function spawnDaemon(start: DaemonStart, logFd: number): ChildProcess {
  const home = process.env['RBEE_HOME'];
  const options: SpawnOptions = {
    // Its own session: Ctrl-C and the closing of the terminal do not reach it.
    detached: true,
    // Any other folder could be deleted while a daemon runs for months; then every program it starts would fail.
    cwd: '/',
    // It must find the same home from its other working directory.
    env: { ...process.env, ...(home ? { RBEE_HOME: absolute(home) } : {}), ...tokenEnvironment(), ...start.env },
    stdio: ['ignore', logFd, logFd, 'ipc'],
    windowsHide: true,
  };
  try {
    return spawn(process.execPath, [absolute(start.entry ?? rbeeEntry()), ...start.args], options);
  } catch (error) {
    // Most failures are 'error' events; a few, such as a too long environment, are thrown.
    throw notSpawned(start, error);
  }
}

function firstOutcome(child: ChildProcess, start: DaemonStart): Promise<Outcome> {
  const decided = new AbortController();
  return new Promise<Outcome>((resolve) => {
    let lastStep: string | undefined;
    let failure: Outcome | undefined;
    let timer = setTimeout(() => resolve({ kind: 'late', lastStep }), start.readyWithinMs);
    const onMessage = (message: unknown) => {
      if (!isStartMessage(message)) return;
      if (message.kind === 'ready') return resolve(message);
      if (message.kind === 'failed') {
        // It exits on its own, perhaps after a clean-up: it gets a little time for that, but not the whole deadline.
        failure = message;
        clearTimeout(timer);
        timer = setTimeout(() => resolve(message), END_GRACE_MS);
        return;
      }
      lastStep = message.kind === 'narration' ? message.data.human : message.data.action;
      start.onStep?.(message);
    };
    child.on('message', onMessage);
    // Not 'exit', which may overtake the last message with the reason.
    child.once('close', (exitCode, signal) => resolve(failure ?? { kind: 'ended', exitCode, signal }));
    child.on('error', (cause) => resolve({ kind: 'not_spawned', cause }));
    if (start.signal?.aborted) resolve({ kind: 'cancelled' });
    start.signal?.addEventListener('abort', () => resolve({ kind: 'cancelled' }), { signal: decided.signal });
    decided.signal.addEventListener('abort', () => {
      clearTimeout(timer);
      child.off('message', onMessage);
    });
  }).finally(() => decided.abort());
}

/** Leaves no half-started daemon, and no child of one. Until this process has reaped it, its pid is not reused. */
async function endChild({ pid, exitCode, signalCode }: ChildProcess, name: string): Promise<void> {
  if (pid === undefined) return;
  const started = exitCode === null && signalCode === null ? await processStart(pid) : undefined;
  if (started !== undefined) await stopProcess({ name, pid, started }, { graceMs: END_GRACE_MS });
  await killGroupOf({ pid, ...(started === undefined ? {} : { started }) });
}

async function errorOf(outcome: Exclude<Outcome, { kind: 'ready' }>, start: DaemonStart, startByte: number): Promise<JobError> {
  switch (outcome.kind) {
    case 'failed':
      return new JobError(outcome.error.code, outcome.error.message, { origin: outcome.error.origin });
    case 'cancelled':
      return cancelled(start);
    case 'not_spawned':
      return notSpawned(start, outcome.cause);
    case 'late': {
      const step = outcome.lastStep === undefined ? '' : ` Its last step: ${outcome.lastStep}.`;
      const sentence = `${start.name} was not ready within ${start.readyWithinMs / 1000} s.${step}`;
      return new JobError('deadline_exceeded', sentence + (await lastOutput(start, startByte)));
    }
    case 'ended': {
      const { exitCode, signal } = outcome;
      const how = signal === null ? `exited with code ${exitCode}` : `was ended by ${signal}`;
      const sentence = `${start.name} ${how} before it was ready.`;
      const cause = new EndedBeforeReady({ exitCode, signal });
      return new JobError('daemon_start_failed', sentence + (await lastOutput(start, startByte)), { cause });
    }
  }
}

function notSpawned({ name }: DaemonStart, cause: unknown): JobError {
  const sentence = `${name} could not be started: ${String(cause)}. Check the limits of this machine: ulimit -a`;
  return new JobError('daemon_start_failed', sentence, { cause });
}

/** Only the output of this start: an older failure in the same log would mislead. */
async function lastOutput({ logFile }: DaemonStart, startByte: number): Promise<string> {
  const lines = await tailLog(logFile, LAST_OUTPUT_LINES, startByte);
  return lines.length === 0
    ? ` It wrote nothing to its log, ${logFile}.`
    : ` Its log, ${logFile}, ends:\n${lines.map(logText).join('\n')}`;
}

function cancelled({ name, signal }: DaemonStart): JobError {
  return new JobError('cancelled', `The start of ${name} was cancelled.`, { cause: signal?.reason });
}
