import type { Command } from 'commander';
import { endBadly, openSession, type GlobalOptions, type Session } from './session.ts';

/** What a command does. Returns the exit code; nothing for 0. */
export type Work = (session: Session, command: Command) => Promise<number | undefined>;

/** Gives a command its work: it gets a session, and whatever it throws is shown and becomes the exit code. */
export function works(command: Command, work: Work): Command {
  return command.action(async () => {
    const session = openSession(command.optsWithGlobals<GlobalOptions>());
    const fail = async (cause: unknown) => {
      process.exitCode = await endBadly(session, cause, command);
    };
    // What is thrown outside of any await, such as in a timer: the state is unknown, so there is no going on.
    process.on('uncaughtException', (cause) => void fail(cause).finally(() => process.exit()));
    try {
      process.exitCode = (await work(session, command)) ?? 0;
    } catch (cause) {
      await fail(cause);
    }
  });
}
