import { Command, type Option } from 'commander';
import { examplesText } from './derive/operation-command.ts';
import { rootOf } from './derive/command-path.ts';
import { fleetCommands } from './fleet-commands.ts';
import { askCommands, machineCommands, seeCommands, type Makers } from './hand-made-commands.ts';
import type { Roles } from './role-commands.ts';

export interface Shaped {
  /** The first word of a command line: when it is a command, only that one is made. */
  first?: string | undefined;
  /** Gets help and version. */
  say?: (text: string) => void;
}

/**
 * The command line. All of the keeper is loaded at once, in one file after the build: loaded command by command, it would be
 * thirty small ones, which take 9 ms longer to find and read than this takes to compile.
 */
export function createProgram(roles: Roles, { first, say }: Shaped = {}): Command {
  const program = new Command('rbee')
    .description('rbee turns every machine you own into one place that runs language models.')
    .usage('<command> [options]')
    .version(__RBEE_VERSION__, '-V, --version', 'Print the version')
    .option('--json', 'Print every event as a line of JSON, for scripts')
    .option('-v, --verbose', 'Show every step')
    .option('-q, --quiet', 'Show no steps, only the answer')
    .helpOption('-h, --help', 'Show help')
    .addHelpCommand(new Command('help').summary('Show help for a command').usage('[command]').helpGroup('This machine:'))
    .configureHelp({ showGlobalOptions: true, visibleGlobalOptions, subcommandTerm })
    // Told by main, in the keeper's own words. Help of a group without a command is what was asked for, as that of rbee is.
    .configureOutput({ outputError: () => undefined, ...(say === undefined ? {} : { writeOut: say, writeErr: say }) })
    .addHelpText('after', examplesText(['rbee infer "What does a bee do?"', 'rbee status', 'rbee help worker spawn']))
    .exitOverride();
  const groups: Record<string, Makers> = {
    'Ask:': askCommands,
    'See:': seeCommands,
    'The fleet:': fleetCommands(roles),
    'This machine:': machineCommands(() => createProgram(roles)),
  };
  const isCommand = Object.values(groups).some((makers) => first !== undefined && Object.hasOwn(makers, first));
  for (const [heading, makers] of Object.entries(groups)) {
    for (const [name, make] of Object.entries(makers)) {
      if (!isCommand || name === first) program.addCommand(make().helpGroup(heading));
    }
  }
  inherit(program);
  return program;
}

/** What .command() would do; the commands here are made on their own and added. */
function inherit(parent: Command): void {
  for (const command of parent.commands) {
    // One `help` is enough, at the root.
    command.copyInheritedSettings(parent).helpCommand(false);
    inherit(command);
  }
}

/** What every command takes; the version is told by rbee alone. */
function visibleGlobalOptions(command: Command): Option[] {
  return command.parent === null ? [] : rootOf(command).options.filter(({ long }) => long !== '--version');
}

/** 'get <worker>': that a command takes options goes without saying. */
function subcommandTerm(command: Command): string {
  return `${command.name()} ${command.usage().replace('[options]', '').trim()}`.trimEnd();
}
