import { CommanderError, type Command } from 'commander';
import { errorCodes } from '../contract/index.ts';
import { ownToken } from '../daemon/index.ts';
import { commandAt, isUnknown, seeHelp } from './derive/command-path.ts';
import { requireText } from './derive/text.ts';
import { createProgram } from './program.ts';
import type { Roles } from './role-commands.ts';
import { endBadly, openSession, shown } from './session.ts';
import type { Failure } from './shown.ts';

export async function runCommandLine(argv: readonly string[], roles: Roles): Promise<void> {
  // First, before another program could inherit it.
  ownToken();
  const words = withoutHelpWord(argv);
  let help = '';
  const program = createProgram(roles, { first: words[0], print: (text) => (help += text) });
  try {
    requireText(argv);
    if (words.length === 0) program.outputHelp();
    else await program.parseAsync(isUnknown(program, words) ? withoutHelpFlag(words) : words, { from: 'user' });
  } catch (cause) {
    process.exitCode = await endWithoutCommand(words, cause, program);
  }
  if (help !== '') process.exitCode = await printed(help, program);
}

/** Help, or the version. Returns the exit code. */
async function printed(text: string, program: Command): Promise<number> {
  const session = openSession({});
  try {
    await session.view.show(undefined, () => text.trimEnd());
    return 0;
  } catch (cause) {
    return endBadly(session, cause, program);
  }
}

/** 'help worker spawn' → 'worker spawn --help': commander's own help command takes one word only. */
function withoutHelpWord(argv: readonly string[]): string[] {
  return argv[0] === 'help' ? [...argv.slice(1), '--help'] : [...argv];
}

/** For help on an unknown command, commander would show the help of rbee. */
function withoutHelpFlag(words: readonly string[]): string[] {
  return words.filter((word) => word !== '--help' && word !== '-h');
}

/** Commander's messages, in the words of the contract's own check. */
const REWORDED: readonly (readonly [said: RegExp, message: string])[] = [
  [
    /^command-argument value '(.*)' is invalid for argument '(.*)'\. Allowed choices are (.*)\.$/,
    "<$2> must be one of $3, not '$1'.",
  ],
  [
    /^option '(?:-\w, )?(--[\w-]+)[^']*' argument '(.*)' is invalid\. Allowed choices are (.*)\.$/,
    "$1 must be one of $3, not '$2'.",
  ],
  [/^option '(?:-\w, )?(--[\w-]+)[^']*' argument '(.*)' is invalid\. It must be a number\.$/, "$1 must be a number, not '$2'."],
  [/^option '(?:-\w, )?(--[\w-]+)[^']*' argument '.*' is invalid\. It (must .*)$/, '$1 $2'],
  [/^option '(?:-\w, )?(--[\w-]+)[^']*' argument '.*' is invalid\. (.*)$/, '$1: $2'],
  [/^option '(?:-\w, )?(--[\w-]+)[^']*' argument missing$/, '$1 needs a value.'],
  [/^missing required argument '(.*)'$/, '<$1> is missing.'],
];

/** The word that a message ends with, as it quotes it. A prompt that begins with '-' may be megabytes long. */
const LONG_WORD = / '([^']{80}).+'(?=\.?$)/;

/** Requested help, a mistake in the command line, or one in a setting. */
async function endWithoutCommand(argv: readonly string[], cause: unknown, program: Command): Promise<number> {
  const session = openSession({ json: argv.includes('--json') });
  if (!(cause instanceof CommanderError)) return endBadly(session, cause, program);
  if (cause.exitCode === 0) return 0;
  const { exit } = errorCodes.invalid_input;
  // A group without a command has shown its help, as rbee alone does.
  if (cause.code === 'commander.help') return 0;
  const [said = '', suggestion] = cause.message.replace(/^error: /, '').split('\n');
  const message = reworded(said).replace(LONG_WORD, " '$1…'");
  const hint = suggestion?.replace(/^\((.*)\)$/, '$1') ?? seeHelp(commandAt(program, argv));
  const failure: Failure = { code: 'invalid_input', message, origin: 'rbee-keeper', retryable: false, hint };
  await shown(session.view, () => session.view.fail(failure));
  return exit;
}

function reworded(said: string): string {
  const [pattern, message] = REWORDED.find(([one]) => one.test(said)) ?? [];
  return pattern === undefined || message === undefined ? said : said.replace(pattern, message);
}
