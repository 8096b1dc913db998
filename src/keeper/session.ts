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
  const verbosity: Verbosity = quiet ? 'quiet' : verbose ? 'verbose' : 'normal';
  const view = json ? new JsonView(out, quiet) : new PeopleView(out, new Pane(process.stderr, process.env), verbosity);
  return { view, interrupt: new Interrupt() };
}

/** Shows what a command threw. Returns the exit code. */
export async function endBadly({ view, interrupt }: Session, cause: unknown, command: Command): Promise<number> {
  const isCancel = cause instanceof JobError ? cause.code === 'cancelled' : interrupt.signal.aborted;
  const failure = failureFrom(cause);
  // Found here, in the command line, and not in a daemon: the fields are options.
  const isUsage = cause instanceof JobError && cause.code === 'invalid_input' && cause.origin === undefined;
  if (isCancel) await view.cancelled('cancelled');
  else await view.fail(isUsage ? { ...failure, hint: seeHelp(command) } : failure);
  return interrupt.exitCode ?? exitCodeOf(isCancel ? 'cancelled' : failure.code);
}
