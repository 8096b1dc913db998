import { Argument, Command, Option } from 'commander';
import { jobStates, operations } from '../contract/index.ts';
import { fieldOf } from './derive/field.ts';
import { examplesText, operationCommand } from './derive/operation-command.ts';
import { optionOf } from './derive/option.ts';
import { works } from './works.ts';

export function askCommands(): Command[] {
  return [inferCommand()];
}

export function seeCommands(): Command[] {
  return [
    works(operationCommand('status', operations.status), async (session) =>
      (await import('./commands/status.ts')).status(session),
    ),
    works(
      described('jobs', 'List the jobs of the queen, the newest first')
        .addOption(new Option('--state <state>', 'Only in this state').choices(jobStates))
        .option('--operation <name>', 'Only of this operation')
        .option('--correlation-id <id>', 'Only of this request')
        .option('--limit <number>', 'At most so many (default: 20)')
        .addHelpText('after', examplesText(['rbee jobs --state running', 'rbee jobs --operation infer --limit 5'])),
      async (session, command) => (await import('./commands/jobs.ts')).jobs(session, command.opts()),
    ),
    works(
      described('logs', 'Show again what a job said and answered')
        .argument('<job>', 'Id of the job')
        .option('-f, --follow', 'Go on until the job ends')
        .addHelpText('after', examplesText(['rbee logs job-0c7e… -f'])),
      async (session, command) => (await import('./commands/logs.ts')).logs(session, command.args[0] ?? '', command.opts()),
    ),
    works(
      described('trace', 'Show the path of a request: each hop, its job and its times')
        .argument('<id>', "Correlation id of the request, or id of the queen's job")
        .addHelpText('after', examplesText(['rbee trace job-0c7e…'])),
      async (session, command) => (await import('./commands/trace.ts')).traceRequest(session, command.args[0] ?? ''),
    ),
  ];
}

export function queenCommands(): Command[] {
  return [
    works(described('start', 'Wake the queen'), async (session) => (await import('./commands/queen.ts')).startQueen(session)),
    works(described('stop', 'Stop the queen alone; hives and workers go on'), async (session) =>
      (await import('./commands/queen.ts')).stopQueen(session),
    ),
    works(described('status', 'Show whether the queen is awake'), async (session) =>
      (await import('./commands/queen.ts')).queenStatus(session),
    ),
    works(
      described('logs', "Show the end of the queen's log")
        .option('-f, --follow', 'Go on until Ctrl-C')
        .option('-n, --lines <number>', 'How many lines (default: 50)'),
      async (session, command) => (await import('./commands/queen-logs.ts')).queenLogs(session, command.opts()),
    ),
  ];
}

export function machineCommands(program: Command): Command[] {
  return [
    works(described('down', 'Stop workers, hives and queen of this home'), async (session) =>
      (await import('./commands/down.ts')).down(session),
    ),
    works(described('doctor', 'Find what is wrong on this machine, and how to mend it'), async (session) =>
      (await import('./commands/doctor.ts')).doctor(session),
    ),
    works(
      described('completions', 'Print completions for a shell')
        .addArgument(new Argument('<shell>', 'Which shell').choices(['bash', 'zsh', 'fish']))
        .addHelpText(
          'after',
          examplesText([
            'source <(rbee completions bash)',
            'rbee completions zsh > "${fpath[1]}/_rbee"',
            'rbee completions fish > ~/.config/fish/completions/rbee.fish',
          ]),
        ),
      async (session, command) =>
        (await import('./commands/completions.ts')).completions(session, program, command.args[0] ?? ''),
    ),
  ];
}

/** Derived as the others are, but its prompt is all that is said, and may come from stdin. */
function inferCommand(): Command {
  const { infer } = operations;
  const command = described('infer', infer.summary).argument('[prompt...]', 'What to say to the model; from stdin when piped');
  for (const [name, schema] of Object.entries(infer.input.shape)) {
    if (name !== infer.subject && name !== 'stream') command.addOption(optionOf(name, fieldOf(schema)));
  }
  command
    .option('--no-stream', 'Print the answer when it is whole')
    .option('--system <text>', 'How the model should behave, said before the prompt')
    .addHelpText('after', examplesText([...infer.examples, 'rbee infer "Sum this up" < notes.txt']));
  return works(command, async (session, self) => (await import('./commands/infer.ts')).infer(session, self));
}

function described(name: string, summary: string): Command {
  return new Command(name).summary(summary).description(`${summary}.`);
}
