import { Command, InvalidArgumentError, Option } from 'commander';
import { DEFAULT_SLOTS, HIVE_PORT, LOCALHOST, LOOPBACK, QUEEN_PORT, workerKinds, type WorkerKind } from '../contract/index.ts';
import { hivePort, queenPort } from '../daemon/index.ts';
import { endBadly, openSession, type GlobalOptions } from './session.ts';

/** What the daemons are started with. The keeper only reads it from the command line; src/roles.ts knows who runs. */
export interface Roles {
  queen(flags: QueenFlags): Promise<void>;
  hive(flags: HiveFlags): Promise<void>;
  worker(flags: WorkerFlags): Promise<void>;
  /** Says what the engine sees of the GPUs of this machine. */
  probe(worker: WorkerKind, modelPath?: string): Promise<void>;
}

export interface QueenFlags {
  host: string;
  port: number;
}

export interface HiveFlags {
  id: string;
  host: string;
  port: number;
}

export interface WorkerFlags {
  id: string;
  hiveId: string;
  model: string;
  modelPath: string;
  worker: WorkerKind;
  device: number;
  slots: number;
  context: number | undefined;
  /** What the hive writes down with the worker, for the process that takes it over: it reads them from the pidfile. */
  pinned: boolean;
  needBytes: number | undefined;
  weightsBytes: number | undefined;
  /** URL of its hive, to report to. */
  hiveUrl: string | undefined;
}

const MAX_PORT = 65_535;

export function queenRunCommand(roles: Roles): Command {
  const command = new Command('run')
    .summary('Be the queen, in this terminal')
    .description("Be the queen, in this terminal. 'rbee queen start' does the same in the background.")
    .addOption(hostOption())
    .addOption(portOption(`RBEE_QUEEN_PORT, or ${QUEEN_PORT}`));
  return serves<{ host: string; port?: number }>(command, ({ host, port = queenPort() }) => roles.queen({ host, port }));
}

export function hiveRunCommand(roles: Roles): Command {
  const command = new Command('run')
    .summary('Be the hive of this machine, in this terminal')
    .description("Be the hive of this machine, in this terminal. 'rbee hive start' does the same in the background.")
    .option('--id <id>', 'Its name in the fleet', LOCALHOST)
    .addOption(hostOption())
    .addOption(portOption(`RBEE_HIVE_PORT, or ${HIVE_PORT}`));
  return serves<{ id: string; host: string; port?: number }>(command, ({ id, host, port = hivePort() }) =>
    roles.hive({ id, host, port }),
  );
}

/** A daemon that could not begin ends its process, whatever it has opened by then. One that began goes on after this. */
function serves<Flags extends object>(command: Command, serve: (flags: Flags) => Promise<void>): Command {
  return command.action(async (flags: Flags) => {
    try {
      await serve(flags);
    } catch (cause) {
      process.exit(await endBadly(openSession(command.optsWithGlobals<GlobalOptions>()), cause, command));
    }
  });
}

/** Only a hive calls it: a worker without one serves nobody. */
export function workerRunCommand(roles: Roles): Command {
  const command = new Command('run')
    .description('Be a worker: one model, loaded once. For hives.')
    .requiredOption('--id <id>', 'Its id')
    .requiredOption('--hive-id <id>', 'The hive that it belongs to')
    .requiredOption('--model <name>', "The model's name")
    .requiredOption('--model-path <file>', "The model's file")
    .addOption(new Option('--worker <kind>', 'What it computes with').choices(workerKinds).default('cpu'))
    .option('--device <number>', 'Which device of that kind', wholeNumber, 0)
    .option('--slots <number>', 'Requests to serve at once', wholeNumber, DEFAULT_SLOTS)
    .option('--context <number>', 'Tokens a slot may hold', wholeNumber)
    .option('--pinned', 'Not to be ended to make room', false)
    .option('--need-bytes <number>', 'Memory that it was promised', wholeNumber)
    .option('--weights-bytes <number>', 'How much of that is for the weights', wholeNumber)
    .option('--hive-url <url>', 'Where to report to');
  return serves<WorkerFlags>(command, (flags) => roles.worker(flags));
}

/** For hives: an engine that asks a driver may crash with it, or hang. */
export function workerProbeCommand(roles: Roles): Command {
  return new Command('probe')
    .description('Say what the engine sees of the GPUs of this machine. For hives.')
    .addOption(new Option('--worker <kind>', 'What kind of GPU').choices(workerKinds).makeOptionMandatory())
    .option('--compute <path>', 'Compute a few tokens with this model first')
    .action(({ worker, compute }: { worker: WorkerKind; compute?: string }) => roles.probe(worker, compute));
}

function hostOption(): Option {
  return new Option('--host <address>', 'Address to listen on; beyond this machine only with RBEE_TOKEN').default(LOOPBACK);
}

export function portOption(defaultText: string): Option {
  return new Option('--port <number>', `Port to listen on (default: ${defaultText})`).argParser((value) => {
    const port = wholeNumber(value);
    if (port < 1 || port > MAX_PORT) throw new InvalidArgumentError(`It must be from 1 to ${MAX_PORT}.`);
    return port;
  });
}

function wholeNumber(value: string): number {
  if (!/^\d{1,15}$/.test(value)) throw new InvalidArgumentError('It must be a whole number.');
  return Number(value);
}
