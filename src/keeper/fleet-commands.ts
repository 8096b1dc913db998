import { Command } from 'commander';
import { operations, type OperationSpec } from '../contract/index.ts';
import { checkedInput, givenInput } from './derive/input.ts';
import { operationCommand, wordsOf } from './derive/operation-command.ts';
import { queenCommands } from './hand-made-commands.ts';
import { hiveRunCommand, queenRunCommand, workerRunCommand, type Roles } from './role-commands.ts';
import { works } from './works.ts';

/** Operations with a command of their own instead of the derived one. */
const HAND_MADE: ReadonlySet<string> = new Set(['infer', 'status']);

const GROUP_SUMMARIES: Readonly<Record<string, string>> = {
  queen: 'The one that knows the fleet',
  hive: 'The machines of the fleet',
  worker: 'Models loaded and ready to answer',
  model: 'Model files on the machines',
  ssh: 'Machines reached over SSH',
};

/** A group of commands for each noun of the contract, with its verbs. An operation that is new there is a command here. */
export function fleetCommands(roles: Roles, table: Readonly<Record<string, OperationSpec>> = operations): Command[] {
  const groups = new Map<string, Command>();
  const singles: Command[] = [];
  const group = (noun: string): Command => {
    const existing = groups.get(noun) ?? newGroup(noun);
    groups.set(noun, existing);
    return existing;
  };
  for (const command of [...queenCommands(), queenRunCommand(roles)]) group('queen').addCommand(command);
  for (const [name, spec] of Object.entries(table)) {
    if (HAND_MADE.has(name)) continue;
    const [noun = '', verb] = wordsOf(name);
    if (verb === undefined) singles.push(jobCommand(name, spec));
    else group(noun).addCommand(jobCommand(name, spec));
  }
  group('hive').addCommand(hiveRunCommand(roles));
  group('worker').addCommand(workerRunCommand(roles), { hidden: true });
  const known = Object.keys(GROUP_SUMMARIES);
  const places = [...groups.keys()].toSorted((a, b) => placeIn(known, a) - placeIn(known, b));
  return [...places.flatMap((noun) => groups.get(noun) ?? []), ...singles];
}

function jobCommand(operation: string, spec: OperationSpec): Command {
  return works(operationCommand(operation, spec), async (session, command) => {
    const input = checkedInput(givenInput(command, spec), spec);
    const { runJob } = await import('./run-job.ts');
    return runJob(session, { operation, input });
  });
}

function placeIn(known: readonly string[], noun: string): number {
  const at = known.indexOf(noun);
  return at < 0 ? known.length : at;
}

function newGroup(noun: string): Command {
  const summary = GROUP_SUMMARIES[noun] ?? `What can be done with a ${noun}`;
  return new Command(noun).summary(summary).description(`${summary}.`).usage('<command> [options]');
}
