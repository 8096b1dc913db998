import { config } from 'zod';
import type { Roles } from './role-commands.ts';

export type { HiveFlags, QueenFlags, Roles } from './role-commands.ts';

/** Runs one command line. It sets process.exitCode instead of exiting: the command of a daemon keeps running. */
export async function main(argv: readonly string[], roles: Roles): Promise<void> {
  // A command parses a handful of objects, for which compiling a parser takes longer than it saves: 6 ms of each start.
  // A daemon (`rbee queen run`) parses all its life. Schemas look at it when they are made, so it comes before the contract.
  if (argv[1] !== 'run') config({ jitless: true });
  const { runCommandLine } = await import('./main.ts');
  await runCommandLine(argv, roles);
}
