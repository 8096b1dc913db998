import type { Command, Option } from 'commander';

/** A command, and what may follow it. */
export interface Place {
  /** Its words: 'rbee worker spawn'. */
  words: string;
  commands: { name: string; summary: string }[];
  options: OptionWords[];
  /** The known values of its plain arguments. */
  choices: string[];
}

export interface OptionWords {
  flags: string[];
  description: string;
  /** Its known values; empty when any value is allowed. */
  choices: string[];
  takesValue: boolean;
}

/** Every command, the root first, without hidden commands and options. */
export function placesOf(command: Command, before = ''): Place[] {
  const words = `${before} ${command.name()}`.trim();
  const helper = command.createHelp();
  const commands = helper.visibleCommands(command);
  const own: Place = {
    words,
    commands: commands.map((each) => ({ name: each.name(), summary: helper.subcommandDescription(each) })),
    options: [...helper.visibleOptions(command), ...helper.visibleGlobalOptions(command)].map(optionWords),
    choices: command.registeredArguments.flatMap((argument) => argument.argChoices ?? []),
  };
  // commander adds `help` on the fly; it has no subcommands.
  return [own, ...commands.filter((each) => command.commands.includes(each)).flatMap((each) => placesOf(each, words))];
}

function optionWords(option: Option): OptionWords {
  return {
    flags: [option.short, option.long].filter((flag) => flag !== undefined),
    description: option.description,
    choices: option.argChoices ?? [],
    takesValue: option.required || option.optional,
  };
}
