import { JobError, type SshCheck, type SshTarget } from '../../contract/index.ts';
import { findings, MACHINE_SCRIPT, parseMachine, type Machine } from '../machine/index.ts';
import { connectionFailure, scriptFailure } from './failure.ts';
import { sshArguments, targetName } from './openssh.ts';
import { remoteCommand } from './quote.ts';
import { resolveTarget } from './resolve.ts';
import { runSsh } from './run-ssh.ts';
import { wayIn, type WayIn } from './way-in.ts';

const PROBE_WITHIN_MS = 14_000;
/** A connection of its own that tells its steps, so that what is checked is the way in and not one that is open already. */
const AFRESH = ['LogLevel=DEBUG1', 'ControlMaster=no', 'ControlPath=none', 'ClearAllForwardings=yes'];

/**
 * Looks at each step from a name to a machine that can have a hive; after the first that fails, there are no others.
 * `onCheck` is told each as it is known. Nothing of it hangs: about 20 s in all.
 * @throws JobError invalid_input for a name that is none; the signal's reason
 */
export async function checkMachine(
  target: SshTarget,
  { signal, onCheck }: { signal: AbortSignal; onCheck: (check: SshCheck) => void },
): Promise<SshCheck[]> {
  const checks: SshCheck[] = [];
  for await (const check of steps(target, signal)) {
    checks.push(check);
    onCheck(check);
    if (!check.ok) break;
  }
  return checks;
}

async function* steps(target: SshTarget, signal: AbortSignal): AsyncGenerator<SshCheck> {
  const resolved = await resolveTarget(target, signal).catch((error: unknown) => expected(error, signal));
  if (resolved instanceof JobError) {
    yield { check: 'resolve', ok: false, says: resolved.message, next: `Mend it until this works: ssh -G ${target.host}` };
    return;
  }
  const { machine, words } = await look(target, signal);
  yield* wayIn({ target, resolved, words, ...(machine instanceof JobError ? { error: machine } : {}) } satisfies WayIn);
  if (machine instanceof JobError) return;
  for (const [check, find] of findings) yield { check, ...find(machine) };
}

async function look(target: SshTarget, signal: AbortSignal): Promise<{ machine: Machine | JobError; words: string }> {
  const options = AFRESH.flatMap((option) => ['-o', option]);
  let words = '';
  try {
    const ending = await runSsh(sshArguments({ target, options, command: remoteCommand(MACHINE_SCRIPT) }), {
      signal,
      withinMs: PROBE_WITHIN_MS,
      doing: `Looking at ${targetName(target)}`,
      onWords: (text) => (words += text),
    });
    const { status, stdout } = ending;
    if (status === 0) return { machine: parseMachine(stdout), words };
    return { machine: status === 255 ? connectionFailure(words, target) : scriptFailure(ending, target), words };
  } catch (error) {
    return { machine: expected(error, signal), words };
  }
}

/** What is wrong with the machine is an answer; what is wrong with the question, or a cancel, is thrown on. */
function expected(error: unknown, signal: AbortSignal): JobError {
  signal.throwIfAborted();
  if (error instanceof JobError && error.code !== 'invalid_input') return error;
  throw error;
}
