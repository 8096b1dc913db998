import { JobError, sshName, type SshCheck, type SshTarget } from '../../contract/index.ts';
import {
  ALONE,
  connectionFailure,
  forwardingStep,
  Frame,
  outputOf,
  requireForwarding,
  resolveTarget,
  runSsh,
  sshArguments,
  type SshRun,
} from '../ssh/index.ts';
import { findings } from './findings.ts';
import { parseMachine, type Machine } from './machine.ts';
import { MACHINE_SCRIPT } from './script.ts';
import { loginChecks, type LoginAttempt } from './login-checks.ts';

const PROBE_WITHIN_MS = 14_000;
/** For a second look, with an empty stdin, at a machine that took all of that. */
const AGAIN_WITHIN_MS = 4_000;
/** A new connection with ssh's debug output, so that the login itself is checked and not a connection that is already open. */
const AFRESH = ['-o', 'LogLevel=DEBUG1', ...ALONE];
/** Of ssh's debug output. More than this comes from a machine that never stops printing. */
const WORDS_LIMIT_CHARS = 256 * 1024;

export interface MachineChecks {
  signal: AbortSignal;
  /** Called with each check as it completes. */
  onCheck: (check: SshCheck) => void;
  /** How long start-up files may take. */
  patienceMs?: number;
  /** The hive's port there, which a tunnel would forward; left out for a hive that is called directly. */
  port?: number;
}

/**
 * Checks each step from a name to a machine that can run a hive, and stops after the first that fails. Takes about 20 s at most.
 * @throws JobError invalid_input for an invalid name; the signal's reason
 */
export async function checkMachine(target: SshTarget, options: MachineChecks): Promise<SshCheck[]> {
  const checks: SshCheck[] = [];
  for await (const check of steps(target, options)) {
    checks.push(check);
    options.onCheck(check);
    if (!check.ok) break;
  }
  return checks;
}

async function* steps(
  target: SshTarget,
  { signal, port, patienceMs = PROBE_WITHIN_MS }: MachineChecks,
): AsyncGenerator<SshCheck> {
  const resolved = await resolveTarget(target, signal).catch((error: unknown) => expected(error, signal));
  if (resolved instanceof JobError) {
    yield { check: 'resolve', ok: false, says: resolved.message, next: `Correct it until this works: ssh -G ${target.host}` };
    return;
  }
  const { machine, words, noiseBytes } = await look(target, signal, patienceMs);
  yield* loginChecks({
    target,
    resolved,
    words,
    noiseBytes,
    ...(machine instanceof JobError ? { error: machine } : {}),
  } satisfies LoginAttempt);
  if (machine instanceof JobError) return;
  if (port !== undefined) yield await forwardingCheck(target, port, signal);
  for (const [check, find] of findings) yield { check, ...find(machine) };
}

async function forwardingCheck(target: SshTarget, port: number, signal: AbortSignal): Promise<SshCheck> {
  const error = await requireForwarding(target, port, signal).catch((cause: unknown) => expected(cause, signal));
  if (error === undefined) return { check: 'forwarding', ok: true, says: 'ports of its loopback are forwarded' };
  return { check: 'forwarding', ok: false, says: error.message, next: forwardingStep(target, error) };
}

interface Look {
  machine: Machine | JobError;
  /** ssh's debug output. */
  words: string;
  /** Size of what start-up files have printed. */
  noiseBytes: number;
}

async function look(target: SshTarget, signal: AbortSignal, patienceMs: number): Promise<Look> {
  // stdin stays open until the script has begun, as for every script with an input.
  const first = await lookOnce(target, { signal, withinMs: patienceMs, input: nothing() });
  const { machine } = first;
  const isStuck = machine instanceof JobError && machine.code === 'deadline_exceeded' && /^Authenticated to /m.test(first.words);
  if (!isStuck) return first;
  const second = await lookOnce(target, { signal, withinMs: AGAIN_WITHIN_MS });
  // Another shell runs instead, and has read its stdin to the end.
  if (second.machine instanceof JobError && second.machine.code !== 'deadline_exceeded') return second;
  const reads = 'A start-up file there, such as ~/.bashrc, reads the stdin of the commands that rbee runs';
  const hangs = `A start-up file there, such as ~/.bashrc, does not finish within ${patienceMs / 1000} s`;
  return { ...first, machine: new JobError('ssh_failed', second.machine instanceof JobError ? hangs : reads) };
}

async function* nothing(): AsyncGenerator<Uint8Array> {}

async function lookOnce(target: SshTarget, run: Pick<SshRun, 'signal' | 'withinMs' | 'input'>): Promise<Look> {
  const frame = new Frame();
  let words = '';
  const result = (machine: Machine | JobError): Look => ({ machine, words, noiseBytes: frame.noise.bytes });
  try {
    const argv = sshArguments({ target, options: AFRESH, command: frame.command(MACHINE_SCRIPT) });
    const ending = await runSsh(argv, {
      ...run,
      frame,
      alone: true,
      doing: `Examining ${sshName(target)}`,
      onWords: (text) => {
        if (words.length < WORDS_LIMIT_CHARS) words += text;
      },
    });
    if (frame.status === undefined && ending.status === 255) return result(connectionFailure(words, target));
    return result(parseMachine(outputOf({ frame, ending }, target)));
  } catch (error) {
    return result(expected(error, run.signal));
  }
}

/** A problem of the machine is a result of the check. An invalid target or a cancellation is thrown. */
function expected(error: unknown, signal: AbortSignal): JobError {
  signal.throwIfAborted();
  if (error instanceof JobError && error.code !== 'invalid_input') return error;
  throw error;
}
