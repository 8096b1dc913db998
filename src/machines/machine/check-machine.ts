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
import { wayIn, type WayIn } from './way-in.ts';

const PROBE_WITHIN_MS = 14_000;
/** For another look at a machine that took all of that: with nothing on its stdin. */
const AGAIN_WITHIN_MS = 4_000;
/** A connection of its own that tells its steps, so that what is checked is the way in and not one that is open already. */
const AFRESH = ['-o', 'LogLevel=DEBUG1', ...ALONE];
/** Of what ssh says of its steps. The rest is a machine that never ends. */
const WORDS_LIMIT_CHARS = 256 * 1024;

export interface MachineChecks {
  signal: AbortSignal;
  /** Told each as it is known. */
  onCheck: (check: SshCheck) => void;
  /** How long start-up files may take. */
  patienceMs?: number;
  /** Of the hive there, to which a tunnel would lead; left out for a hive that is called directly. */
  port?: number;
}

/**
 * Looks at each step from a name to a machine that can have a hive; after the first that fails, there are no others.
 * Nothing of it hangs: about 20 s in all.
 * @throws JobError invalid_input for a name that is none; the signal's reason
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
    yield { check: 'resolve', ok: false, says: resolved.message, next: `Mend it until this works: ssh -G ${target.host}` };
    return;
  }
  const { machine, words, noiseBytes } = await look(target, signal, patienceMs);
  yield* wayIn({
    target,
    resolved,
    words,
    noiseBytes,
    ...(machine instanceof JobError ? { error: machine } : {}),
  } satisfies WayIn);
  if (machine instanceof JobError) return;
  if (port !== undefined) yield await forwardingCheck(target, port, signal);
  for (const [check, find] of findings) yield { check, ...find(machine) };
}

async function forwardingCheck(target: SshTarget, port: number, signal: AbortSignal): Promise<SshCheck> {
  const error = await requireForwarding(target, port, signal).catch((cause: unknown) => expected(cause, signal));
  if (error === undefined) return { check: 'forwarding', ok: true, says: 'a port of its loopback can be reached' };
  return { check: 'forwarding', ok: false, says: error.message, next: forwardingStep(target, error) };
}

interface Look {
  machine: Machine | JobError;
  /** What ssh said of its steps. */
  words: string;
  /** What start-up files have printed. */
  noiseBytes: number;
}

async function look(target: SshTarget, signal: AbortSignal, patienceMs: number): Promise<Look> {
  // Its stdin stays open until the script has begun, as for every script that is sent something.
  const first = await lookOnce(target, { signal, withinMs: patienceMs, input: nothing() });
  const { machine } = first;
  const isStuck = machine instanceof JobError && machine.code === 'deadline_exceeded' && /^Authenticated to /m.test(first.words);
  if (!isStuck) return first;
  const second = await lookOnce(target, { signal, withinMs: AGAIN_WITHIN_MS });
  // Another shell in the place of ours, which has read to the end of what it was sent.
  if (second.machine instanceof JobError && second.machine.code !== 'deadline_exceeded') return second;
  const reads = 'A start-up file there, such as ~/.bashrc, reads what is sent to the commands that rbee runs (stdin)';
  const hangs = `A start-up file there, such as ~/.bashrc, does not end within ${patienceMs / 1000} s`;
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
      doing: `Looking at ${sshName(target)}`,
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

/** What is wrong with the machine is an answer; what is wrong with the question, or a cancel, is thrown on. */
function expected(error: unknown, signal: AbortSignal): JobError {
  signal.throwIfAborted();
  if (error instanceof JobError && error.code !== 'invalid_input') return error;
  throw error;
}
