import type { Command } from 'commander';
import { JobError } from '../contract/index.ts';
import { seeHelp } from './derive/command-path.ts';
import { exitCodeOf, failureFrom } from './failure.ts';
import { Interrupt } from './interrupt.ts';
import { JsonView } from './screen/json-view.ts';
import { Pane } from './screen/pane.ts';
import { PeopleView, type Verbosity } from './screen/people-view.ts';
import type { View } from './screen/view.ts';

/** The options that every command takes. */
export interface GlobalOptions {
  json?: boolean;
  verbose?: boolean;
  quiet?: boolean;
}

/** One run of a command: where its output goes, and how it is interrupted. */
export interface Session {
  readonly view: View;
  readonly interrupt: Interrupt;
}

/** The action of a command. Returns the exit code; undefined for 0. */
export type Action = (session: Session, command: Command) => Promise<number | undefined>;

/** Runs a command's action in a session of its own. Whatever it throws is shown and becomes the exit code. */
export function runsWith(command: Command, action: Action): Command {
  return command.action(async () => {
    const session = openSession(command.optsWithGlobals<GlobalOptions>());
    const fail = async (cause: unknown) => {
      process.exitCode = await endBadly(session, cause, command);
    };
    // Thrown outside of any await, such as in a timer: the state is unknown, so the process exits.
    process.on('uncaughtException', (cause) => void fail(cause).finally(() => process.exit()));
    try {
      process.exitCode = (await action(session, command)) ?? 0;
    } catch (cause) {
      await fail(cause);
    }
  });
}

export function openSession({ json, verbose, quiet }: GlobalOptions): Session {
  const out = new Pane(process.stdout, process.env);
  const err = new Pane(process.stderr, process.env, 'notes');
  const verbosity: Verbosity = quiet ? 'quiet' : verbose ? 'verbose' : 'normal';
  const view = json ? new JsonView(out, err, quiet) : new PeopleView(out, err, verbosity);
  return { view, interrupt: new Interrupt() };
}

/** Shows what a command threw. Returns the exit code. */
export async function endBadly({ view, interrupt }: Session, cause: unknown, command: Command): Promise<number> {
  const isCancel = cause instanceof JobError ? cause.code === 'cancelled' : interrupt.signal.aborted;
  const failure = failureFrom(cause);
  // Found in the command line, not by a daemon.
  const isUsage = isKeepers(cause) && cause.code === 'invalid_input' && cause.hint === undefined;
  await shown(view, () => (isCancel ? view.cancelled() : view.fail(isUsage ? { ...failure, hint: seeHelp(command) } : failure)));
  return interrupt.exitCode ?? exitCodeOf(isCancel ? 'cancelled' : failure.code);
}

function isKeepers(cause: unknown): cause is JobError {
  return cause instanceof JobError && cause.origin === undefined;
}

/** If stdout cannot be written, stderr gets that failure. The exit code stays that of the first failure. */
export async function shown(view: View, show: () => Promise<void>): Promise<void> {
  try {
    await show();
  } catch (cause) {
    await view.fail(failureFrom(cause));
  }
}
