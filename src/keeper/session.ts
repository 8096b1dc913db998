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

/** One run of a command: who it shows things to, and how it is interrupted. */
export interface Session {
  readonly view: View;
  readonly interrupt: Interrupt;
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
  // Found here, in the command line, and not in a daemon: the fields are options.
  const isUsage = cause instanceof JobError && cause.code === 'invalid_input' && cause.origin === undefined;
  await shown(view, () =>
    isCancel ? view.cancelled('cancelled') : view.fail(isUsage ? { ...failure, hint: seeHelp(command) } : failure),
  );
  return interrupt.exitCode ?? exitCodeOf(isCancel ? 'cancelled' : failure.code);
}

/** That nothing can be written to stdout is told on stderr. The exit code stays that of what went wrong first. */
export async function shown(view: View, show: () => Promise<void>): Promise<void> {
  try {
    await show();
  } catch (cause) {
    await view.fail(failureFrom(cause));
  }
}
