import { once } from 'node:events';
import { createServer } from 'node:net';
import { FIRST_WORKER_PORT, HIVE_PORT, JobError, QUEEN_PORT } from '../contract/index.ts';
import { isSystemError } from './file-error.ts';

/** Size of an open range: more workers than one machine runs. */
const WORKER_PORT_COUNT = 1000;
const MAX_PORT = 65_535;

/** Inclusive at both ends. */
export interface PortRange {
  readonly first: number;
  readonly last: number;
}

type Environment = Readonly<Record<string, string | undefined>>;

export function queenPort(env: Environment = process.env): number {
  return portFrom(env, 'RBEE_QUEEN_PORT', QUEEN_PORT);
}

export function hivePort(env: Environment = process.env): number {
  return portFrom(env, 'RBEE_HIVE_PORT', HIVE_PORT);
}

/** RBEE_WORKER_PORTS is a range, "9001-9100", or its start, "9001". */
export function workerPorts(env: Environment = process.env): PortRange {
  const text = env['RBEE_WORKER_PORTS'] || String(FIRST_WORKER_PORT);
  const [start = '', end, ...more] = text.split('-');
  const first = parsePort(start);
  const last = end === undefined ? upFrom(first) : parsePort(end);
  if (first === undefined || last === undefined || more.length > 0 || first > last) {
    throw new JobError(
      'invalid_input',
      `RBEE_WORKER_PORTS is '${text}'. Set a range such as 9001-9100, or its start, such as 9001.`,
      { hint: '' },
    );
  }
  return { first, last };
}

/**
 * Binds the first free port of the range, and returns the result of `bind`. Only the bind itself decides whether a port is free, so two
 * concurrent starters never get the same port.
 * @throws JobError port_taken when none is free
 */
export async function bindFirstFree<T>(range: PortRange, bind: (port: number) => Promise<T>): Promise<T> {
  for (let port = range.first; port <= range.last; port += 1) {
    try {
      return await bind(port);
    } catch (error) {
      if (!isSystemError(error) || error.code !== 'EADDRINUSE') throw bindError(error, port);
    }
  }
  const which = range.first === range.last ? `Port ${range.first} is` : `All ports from ${range.first} to ${range.last} are`;
  throw new JobError('port_taken', `${which} in use by another program`);
}

/** A port that is currently free. A process that listens itself avoids the race with bindFirstFree. */
export async function firstFreePort(range: PortRange, host: string): Promise<number> {
  return bindFirstFree(range, async (port) => {
    const server = createServer().listen({ port, host, exclusive: true });
    await once(server, 'listening');
    server.close();
    await once(server, 'close');
    return port;
  });
}

function bindError(error: unknown, port: number): unknown {
  if (!isSystemError(error)) return error;
  const { code } = error;
  if (code === 'EACCES') {
    return new JobError('invalid_input', `Port ${port} is reserved for root. Choose one above 1023.`, { cause: error });
  }
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') {
    return new JobError('invalid_input', `Cannot listen: this machine does not have the address (${error.message}).`, {
      cause: error,
    });
  }
  return error;
}

function portFrom(env: Environment, name: string, fallback: number): number {
  const text = env[name] || String(fallback);
  const port = parsePort(text);
  if (port === undefined) {
    throw new JobError('invalid_input', `${name} is '${text}'. Set a port from 1 to ${MAX_PORT}, such as ${fallback}.`, {
      hint: '',
    });
  }
  return port;
}

function parsePort(text: string): number | undefined {
  const port = /^\s*\d{1,5}\s*$/.test(text) ? Number(text) : 0;
  return port >= 1 && port <= MAX_PORT ? port : undefined;
}

function upFrom(first: number | undefined): number | undefined {
  return first === undefined ? undefined : Math.min(first + WORKER_PORT_COUNT - 1, MAX_PORT);
}
