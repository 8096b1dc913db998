import { Argument, Command, Option } from 'commander';
import type * as z from 'zod';
import { jobStates, operations, type OperationSpec } from '../contract/index.ts';
import { cancel } from './commands/cancel.ts';
import { chat, CHAT_FIELDS } from './commands/chat.ts';
import { completions } from './commands/completions.ts';
import { connect } from './commands/connect.ts';
import { doctor } from './commands/doctor.ts';
import { down } from './commands/down.ts';
import { embed, rerank } from './commands/embed.ts';
import { countTokens, explain, infer } from './commands/infer.ts';
import { DEFAULT_LIMIT, jobs } from './commands/jobs.ts';
import { logs } from './commands/logs.ts';
import { DEFAULT_LINES, queenLogs } from './commands/queen-logs.ts';
import { queenStatus, startQueen, stopQueen } from './commands/queen.ts';
import { status } from './commands/status.ts';
import { traceRequest } from './commands/trace.ts';
import { programs } from './connect/programs.ts';
import { fieldOf } from './derive/field.ts';
import { examplesText, operationCommand } from './derive/operation-command.ts';
import { optionOf } from './derive/option.ts';
import { runsWith } from './session.ts';

/** Top-level commands by name. Created only when needed, since each option takes time. */
export type Makers = Readonly<Record<string, () => Command>>;

export const askCommands: Makers = {
  infer: inferCommand,
  chat: chatCommand,
  explain: explainCommand,
  embed: embedCommand,
  rerank: rerankCommand,
  tokens: tokensCommand,
  connect: connectCommand,
};

export const seeCommands: Makers = {
  status: () => runsWith(operationCommand('status', operations.status), status),
  jobs: () =>
    runsWith(
      described('jobs', 'List the jobs of the queen, the newest first')
        .argument('[job]', 'Only jobs whose id begins like this')
        .addOption(new Option('--state <state>', 'Only jobs in this state').choices(jobStates))
        .option('--operation <name>', 'Only jobs of this operation')
        .option('--correlation-id <id>', 'Only jobs of this request')
        .option('--limit <number>', `At most this many (default: ${DEFAULT_LIMIT})`)
        .addHelpText('after', examplesText(['rbee jobs --state running', 'rbee jobs --operation infer --limit 5'])),
      (session, command) => jobs(session, command.args[0], command.opts()),
    ),
  logs: () =>
    runsWith(
      described('logs', 'Show the events and the answer of a job again')
        .argument('<job>', JOB)
        .option('-f, --follow', 'Follow it until it ends')
        .addHelpText('after', examplesText(['rbee logs 0c7e -f'])),
      (session, command) => logs(session, command.args[0] ?? '', command.opts()),
    ),
  trace: () =>
    runsWith(
      described('trace', 'Show the path of a request: each hop, its job and its times')
        .argument('<id>', "Correlation id of the request, or id of the queen's job or its beginning")
        .addHelpText('after', examplesText(['rbee trace 0c7e'])),
      (session, command) => traceRequest(session, command.args[0] ?? ''),
    ),
  cancel: () =>
    runsWith(
      described('cancel', 'Cancel a job on every machine, which frees its slot')
        .argument('<job>', JOB)
        .addHelpText('after', examplesText(['rbee cancel 0c7e', 'rbee jobs --state running'])),
      (session, command) => cancel(session, command.args[0] ?? ''),
    ),
};

/** Of an argument that names a job of the queen. */
const JOB = "Id of the job, or its beginning where no other job's id begins like it";

export function queenCommands(): Command[] {
  return [
    runsWith(described('start', 'Wake the queen'), startQueen),
    runsWith(described('stop', 'Stop only the queen; hives and workers keep running'), stopQueen),
    runsWith(described('status', 'Show whether the queen is awake'), queenStatus),
    runsWith(
      described('logs', "Show the end of the queen's log")
        .option('-f, --follow', 'Follow it until Ctrl-C')
        .option('-n, --lines <number>', `How many lines (default: ${DEFAULT_LINES})`),
      (session, command) => queenLogs(session, command.opts()),
    ),
  ];
}

/** @param whole creates the whole command line, from which completions are derived */
export function machineCommands(whole: () => Command): Makers {
  return {
    down: () => runsWith(described('down', 'Stop the workers, hives and queen of this home'), down),
    doctor: () => runsWith(described('doctor', 'Find problems of this machine and its fleet, and how to fix them'), doctor),
    completions: () =>
      runsWith(
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
        (session, command) => completions(session, whole(), command.args[0] ?? ''),
      ),
  };
}

function inferCommand(): Command {
  const command = askCommand('infer', operations.infer)
    .option('--no-stream', 'Print the answer when it is complete')
    .option('--dry-run', 'Only show where it would run, and why')
    .addHelpText(
      'after',
      examplesText([
        ...operations.infer.examples,
        'rbee infer "Sum this up" < notes.txt',
        'rbee infer "Is it cold in Oslo?" --tools @tools.json',
      ]),
    );
  return runsWith(command, infer);
}

function chatCommand(): Command {
  const command = described('chat', 'Have a conversation; each line of stdin is a message')
    .option('--resume', 'Continue the last conversation that was not ended, after a crash of any part')
    .option('--system <text>', 'System message of the conversation');
  for (const name of CHAT_FIELDS) command.addOption(optionOf(name, fieldOf(operations.infer.input.shape[name])));
  command.addHelpText('after', examplesText(['rbee chat --model qwen3-8b', 'rbee chat --resume', 'rbee chat < questions.txt']));
  return runsWith(command, chat);
}

function explainCommand(): Command {
  const command = askCommand('explain', operations.explain).addHelpText('after', examplesText(operations.explain.examples));
  return runsWith(command, explain);
}

function embedCommand(): Command {
  const command = textCommand('embed', operations.embed, {
    field: 'texts',
    argument: 'text',
    says: 'The texts; also read from stdin, a text in each line',
  });
  return runsWith(command.addHelpText('after', examplesText(operations.embed.examples)), embed);
}

function rerankCommand(): Command {
  const says = 'The query; documents are also read from stdin, one in each line';
  const command = textCommand('rerank', operations.rerank, { field: 'query', argument: 'query', says });
  return runsWith(command.addHelpText('after', examplesText(operations.rerank.examples)), rerank);
}

function tokensCommand(): Command {
  const command = askCommand('tokens', operations.count_tokens).addHelpText(
    'after',
    examplesText(operations.count_tokens.examples),
  );
  return runsWith(command, countTokens);
}

function connectCommand(): Command {
  const command = described('connect', 'Print the settings with which another program uses this fleet')
    .addArgument(new Argument('[program]', 'Which program; all are listed when omitted').choices(Object.keys(programs)))
    .option('--model <name>', 'The model to use; one that is loaded when omitted')
    .addHelpText(
      'after',
      examplesText(['rbee connect', 'rbee connect opencode --model qwen3-8b', 'source <(rbee connect aider)']),
    );
  return runsWith(command, (session) => connect(session, command.args[0], command.opts()));
}

/** Derived like the others, but all plain arguments are the prompt, which may also come from stdin. */
function askCommand(name: string, spec: OperationSpec): Command {
  const says = 'The prompt; also read from stdin, when piped';
  return textCommand(name, spec, { field: 'prompt', argument: 'prompt', says }).option(
    '--system <text>',
    'System message, sent before the prompt',
  );
}

/** All plain arguments are the text of one field. */
function textCommand(
  name: string,
  spec: OperationSpec,
  { field, argument, says }: Record<'field' | 'argument' | 'says', string>,
): Command {
  const command = described(name, spec.summary).argument(`[${argument}...]`, says);
  for (const [other, schema] of Object.entries<z.core.$ZodType>(spec.input.shape)) {
    if (other !== field && other !== 'stream') command.addOption(optionOf(other, fieldOf(schema)));
  }
  return command;
}

function described(name: string, summary: string): Command {
  return new Command(name).summary(summary).description(`${summary}.`);
}
