import { Command } from 'commander';
import { operations, type OperationSpec } from '../contract/index.ts';
import { checkedInput, givenInput } from './derive/input.ts';
import { wordsOf } from './derive/command-words.ts';
import { operationCommand } from './derive/operation-command.ts';
import { queenCommands, type Makers } from './hand-made-commands.ts';
import { installedHiveCommands } from './installed-hive-commands.ts';
import { hiveRunCommand, queenRunCommand, workerProbeCommand, workerRunCommand, type Roles } from './role-commands.ts';
import { runJob } from './run-job.ts';
import { runsWith } from './session.ts';

/** Operations with a command of their own instead of the derived one. */
const HAND_MADE: ReadonlySet<string> = new Set(['infer', 'explain', 'status', 'embed', 'rerank', 'count_tokens']);

const GROUP_SUMMARIES: Readonly<Record<string, string>> = {
  queen: 'The daemon that manages the fleet',
  hive: 'The machines of the fleet',
  worker: 'Loaded models that answer requests',
  model: 'Model files on the machines',
  ssh: 'Machines reached over SSH',
};

/** Verbs that other programs have taught people. */
const OTHER_VERBS: Readonly<Record<string, string>> = { model_files: 'show' };

/** A group of commands for each noun of the contract, with its verbs. A new operation there is a new command here. */
export function fleetCommands(roles: Roles, table: Readonly<Record<string, OperationSpec>> = operations): Makers {
  const derived = Object.keys(table).filter((name) => !HAND_MADE.has(name));
  const nouns = new Set([...Object.keys(GROUP_SUMMARIES), ...derived.map((name) => wordsOf(name)[0] ?? name)]);
  const byNoun = Object.fromEntries([...nouns].map((noun) => [noun, () => nounCommand(noun, roles, table)]));
  return { pull: () => jobCommand('model_download', operations.model_download).name('pull'), ...byNoun };
}

/** A group with the verbs of a noun; for an operation of one word, the command itself. */
function nounCommand(noun: string, roles: Roles, table: Readonly<Record<string, OperationSpec>>): Command {
  const single = table[noun];
  if (single !== undefined) return jobCommand(noun, single);
  const summary = GROUP_SUMMARIES[noun] ?? `Commands for a ${noun}`;
  const group = new Command(noun).summary(summary).description(`${summary}.`).usage('<command> [options]');
  for (const command of noun === 'queen' ? queenCommands() : []) group.addCommand(command);
  for (const [name, spec] of Object.entries(table)) {
    if (wordsOf(name)[0] !== noun) continue;
    const command = jobCommand(name, spec);
    const other = OTHER_VERBS[name];
    group.addCommand(other === undefined ? command : command.alias(other));
  }
  for (const command of noun === 'hive' ? installedHiveCommands() : []) group.addCommand(command, { hidden: true });
  for (const make of RUN_COMMANDS[noun] ?? []) group.addCommand(make(roles), { hidden: noun === 'worker' });
  return group;
}

const RUN_COMMANDS: Readonly<Record<string, ((roles: Roles) => Command)[]>> = {
  queen: [queenRunCommand],
  hive: [hiveRunCommand],
  worker: [workerRunCommand, workerProbeCommand],
};

function jobCommand(operation: string, spec: OperationSpec): Command {
  return runsWith(operationCommand(operation, spec), async (session, command) => {
    const input = checkedInput(givenInput(command, spec), spec);
    return runJob(session, { operation, input });
  });
}
