import type { Command, Option } from 'commander';

/** A place in the command line, and what may follow there. */
export interface Place {
  /** The words up to here: 'rbee worker spawn'. */
  words: string;
  commands: { name: string; summary: string }[];
  options: OptionWords[];
  /** The plain arguments that are known. */
  choices: string[];
}

export interface OptionWords {
  flags: string[];
  description: string;
  /** What may follow it; empty when anything may. */
  choices: string[];
  takesValue: boolean;
}

/** Every place of the command line, the root first; hidden commands and options left out. */
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
  // `help` is made by commander on the fly and leads nowhere further.
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
