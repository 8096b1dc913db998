import type { Command } from 'commander';

export function rootOf(command: Command): Command {
  return command.parent === null ? command : rootOf(command.parent);
}

/** The command that a command line names, as far as its words are commands. */
export function commandAt(program: Command, argv: readonly string[]): Command {
  const [word, ...rest] = argv.filter((argument) => !argument.startsWith('-'));
  const next = program.commands.find((command) => command.name() === word);
  return next === undefined ? program : commandAt(next, rest);
}

/** Whether a word stands where only a command may, and is not one. */
export function isUnknown(program: Command, argv: readonly string[]): boolean {
  const [word, ...rest] = argv.filter((argument) => !argument.startsWith('-'));
  if (word === undefined || word === 'help' || program.commands.length === 0) return false;
  const next = program.commands.find((command) => command.name() === word);
  return next === undefined || isUnknown(next, rest);
}

/** 'rbee worker spawn'. */
export function pathOf(command: Command): string {
  return command.parent === null ? command.name() : `${pathOf(command.parent)} ${command.name()}`;
}

/** What to do after a mistake in its command line. */
export function seeHelp(command: Command): string {
  return `See: ${pathOf(command)} --help`;
}
