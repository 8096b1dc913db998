import { Command, type Option } from 'commander';
import { examplesText } from './derive/operation-command.ts';
import { rootOf } from './derive/command-path.ts';
import { fleetCommands } from './fleet-commands.ts';
import { askCommands, machineCommands, seeCommands, type Makers } from './hand-made-commands.ts';
import type { Roles } from './role-commands.ts';

export interface Shaped {
  /** The first word of a command line: if it is a command, only that one is created. */
  first?: string | undefined;
  /** Receives the help and the version. */
  print?: (text: string) => void;
}

/**
 * The command line. The build puts all of the keeper into one file: loaded command by command, it would be thirty small files, which
 * take 9 ms longer to find and read than this one takes to compile.
 */
export function createProgram(roles: Roles, { first, print }: Shaped = {}): Command {
  const program = new Command('rbee')
    .description('rbee turns every machine you own into one place that runs language models.')
    .usage('<command> [options]')
    .version(__RBEE_VERSION__, '-V, --version', 'Print the version')
    .option('--json', 'Print each event as a line of JSON, for scripts')
    .option('-v, --verbose', 'Show every step')
    .option('-q, --quiet', 'Show only the answer, no steps')
    .helpOption('-h, --help', 'Show help')
    .addHelpCommand(new Command('help').summary('Show help for a command').usage('[command]').helpGroup('This machine:'))
    .configureHelp({ showGlobalOptions: true, visibleGlobalOptions, subcommandTerm })
    // main.ts prints errors. A group without a command prints its help like `rbee` alone, on stdout.
    .configureOutput({ outputError: () => undefined, ...(print === undefined ? {} : { writeOut: print, writeErr: print }) })
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

/** As .command() would do; the commands here are created separately and added. */
function inherit(parent: Command): void {
  for (const command of parent.commands) {
    // One `help` is enough, at the root.
    command.copyInheritedSettings(parent).helpCommand(false);
    inherit(command);
  }
}

/** The options of every command; only rbee itself has --version. */
function visibleGlobalOptions(command: Command): Option[] {
  return command.parent === null ? [] : rootOf(command).options.filter(({ long }) => long !== '--version');
}

/** 'get <worker>', without '[options]'. */
function subcommandTerm(command: Command): string {
  return `${command.name()} ${command.usage().replace('[options]', '').trim()}`.trimEnd();
}
