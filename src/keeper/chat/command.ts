import { JobError } from '../../contract/index.ts';
import { nearest } from '../../jobs/client.ts';

/** The commands of a conversation, and what follows their name. */
const COMMANDS = {
  model: { argument: '[name]', isRequired: false, says: 'Use another model; without a name, list the models' },
  system: { argument: '[text]', isRequired: false, says: 'Set the system message; without a text, remove it' },
  clear: { argument: '', isRequired: false, says: 'Start over, with the same model and system message' },
  retry: { argument: '', isRequired: false, says: 'Send the last message again, if it has no answer' },
  save: { argument: '<file>', isRequired: true, says: 'Write the messages to a file, as rbee infer --messages @file takes them' },
  load: { argument: '<file>', isRequired: true, says: 'Continue with the messages of a file' },
  help: { argument: '', isRequired: false, says: 'Show this' },
  exit: { argument: '', isRequired: false, says: 'End the conversation, as Ctrl-D does' },
} as const;

export type CommandName = keyof typeof COMMANDS;

export interface ChatCommand {
  name: CommandName;
  argument: string;
}

/** '/etc/hosts is …' is no command. */
const FORM = /^\/([a-z]+)(?:\s+([^]*))?$/;

/**
 * The command that a message is; undefined for a message to the model.
 * @throws JobError invalid_input
 */
export function commandIn(message: string): ChatCommand | undefined {
  const [, name, argument = ''] = FORM.exec(message) ?? [];
  if (name === undefined) return undefined;
  if (!isCommand(name)) {
    const meant = nearest(name, Object.keys(COMMANDS));
    throw mistake(`There is no command /${name}.${meant === undefined ? '' : ` Did you mean /${meant}?`}`);
  }
  const { isRequired, argument: expected } = COMMANDS[name];
  if (isRequired && argument.trim() === '') throw mistake(`/${name} needs ${expected}.`);
  if (expected === '' && argument.trim() !== '') throw mistake(`/${name} takes nothing after it.`);
  return { name, argument: argument.trim() };
}

export const HELP = [
  ...Object.entries(COMMANDS).map(([name, { argument, says }]) => `${`/${name} ${argument}`.padEnd(16)}${says}`),
  '',
  'A line that ends with \\ continues on the next one. """ begins and ends a message of several lines.',
  'A line with a space before its / is a message. Ctrl-C stops the answer.',
].join('\n');

function isCommand(name: string): name is CommandName {
  return Object.hasOwn(COMMANDS, name);
}

function mistake(sentence: string): JobError {
  return new JobError('invalid_input', sentence, { hint: '/help lists the commands; a space before the / makes it a message.' });
}
