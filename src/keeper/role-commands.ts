import { Command, InvalidArgumentError, Option } from 'commander';
import {
  deviceKinds,
  HIVE_PORT,
  issueWords,
  JobError,
  LOCALHOST,
  LOOPBACK,
  QUEEN_PORT,
  workerFlag,
  workerFlags,
  type DeviceKind,
  type WorkerFlags,
} from '../contract/index.ts';
import { hivePort, queenPort } from '../daemon/index.ts';
import { fieldOf } from './derive/field.ts';
import { optionOf } from './derive/option.ts';
import { endBadly, openSession, type GlobalOptions } from './session.ts';

/** Starts the daemons. The keeper only parses their command lines; src/programs/ has the implementations. */
export interface Roles {
  queen(flags: QueenFlags): Promise<void>;
  hive(flags: HiveFlags): Promise<void>;
  worker(flags: WorkerFlags): Promise<void>;
  /** Prints what the engine reports about the GPUs of this machine. */
  probe(worker: DeviceKind, modelPath?: string): Promise<void>;
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

const MAX_PORT = 65_535;

export function queenRunCommand(roles: Roles): Command {
  const command = new Command('run')
    .summary('Run the queen in this terminal')
    .description("Run the queen in this terminal. 'rbee queen start' does the same in the background.")
    .addOption(hostOption())
    .addOption(portOption(`RBEE_QUEEN_PORT, or ${QUEEN_PORT}`));
  return serves<{ host: string; port?: number }>(command, ({ host, port = queenPort() }) => roles.queen({ host, port }));
}

export function hiveRunCommand(roles: Roles): Command {
  const command = new Command('run')
    .summary('Run the hive of this machine in this terminal')
    .description("Run the hive of this machine in this terminal. 'rbee hive start' does the same in the background.")
    .option('--id <id>', 'Its name in the fleet', LOCALHOST)
    .addOption(hostOption())
    .addOption(portOption(`RBEE_HIVE_PORT, or ${HIVE_PORT}`));
  return serves<{ id: string; host: string; port?: number }>(command, ({ id, host, port = hivePort() }) =>
    roles.hive({ id, host, port }),
  );
}

/** A daemon that fails to start exits, whatever it has opened by then. Otherwise it keeps running after this. */
function serves<Flags extends object>(command: Command, serve: (flags: Flags) => Promise<void>): Command {
  return command.action(async (flags: Flags) => {
    try {
      await serve(flags);
    } catch (cause) {
      process.exit(await endBadly(openSession(command.optsWithGlobals<GlobalOptions>()), cause, command));
    }
  });
}

/** For hives only: a worker without a hive gets no requests. */
export function workerRunCommand(roles: Roles): Command {
  const command = new Command('run').description('Run a worker: one model, loaded once. For hives.');
  for (const [name, schema] of Object.entries(workerFlags.shape)) {
    const field = fieldOf(schema);
    const option = optionOf(workerFlag(name).slice(2).replaceAll('-', '_'), field);
    command.addOption(option.makeOptionMandatory(field.isRequired));
  }
  return serves<Record<string, unknown>>(command, async (given) => roles.worker(checkedFlags(given)));
}

/** @throws JobError invalid_input, naming the options */
function checkedFlags(given: Record<string, unknown>): WorkerFlags {
  const parsed = workerFlags.safeParse(given);
  if (parsed.success) return parsed.data;
  const sentences = parsed.error.issues.map((issue) => {
    const name = String(issue.path[0]);
    return `${workerFlag(name)} ${issueWords(issue, workerFlags.shape[name as keyof WorkerFlags])}.`;
  });
  throw new JobError('invalid_input', sentences.join('\n'));
}

/** A process of its own, since an engine may crash or hang in a driver. */
export function workerProbeCommand(roles: Roles): Command {
  return new Command('probe')
    .description('Print what the engine reports about the GPUs of this machine. For hives.')
    .addOption(new Option('--worker <kind>', 'What kind of GPU').choices(deviceKinds).makeOptionMandatory())
    .option('--compute <path>', 'Compute a few tokens with this model first')
    .action(({ worker, compute }: { worker: DeviceKind; compute?: string }) => roles.probe(worker, compute));
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
