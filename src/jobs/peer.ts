import { JobError, type ErrorCode, type Role } from '../contract/index.ts';
import { Agent } from 'undici';
import { ANSWER_DEADLINE_MS, CONNECT_DEADLINE_MS, SILENCE_DEADLINE_MS } from './limits.ts';

/** A daemon that serves jobs, seen from its client. */
export interface Peer {
  role: Role;
  /** The hive's or worker's id; 'queen' for the queen. */
  name: string;
  host: string;
  port: number;
  token?: string | undefined;
}

/** One pool of connections for all calls: connections are kept and used again. */
export const connections = new Agent({
  connect: { timeout: CONNECT_DEADLINE_MS },
  headersTimeout: ANSWER_DEADLINE_MS,
  bodyTimeout: SILENCE_DEADLINE_MS,
  keepAliveTimeout: 60_000,
});

export function urlOf(peer: Peer, path: string): string {
  const host = peer.host.includes(':') ? `[${peer.host}]` : peer.host;
  return `http://${host}:${peer.port}${path}`;
}

export function authorization(peer: Peer): Record<string, string> {
  return peer.token === undefined ? {} : { authorization: `Bearer ${peer.token}` };
}

export function unreachable(peer: Peer, cause: unknown): JobError {
  const code = `${peer.role}_unreachable` satisfies ErrorCode;
  return new JobError(code, `Failed to connect to ${peer.role}: ${whyUnreachable(cause)}`, { cause });
}

export function badResponse(peer: Peer, message: string, cause?: unknown): JobError {
  const code = `${peer.role}_bad_response` satisfies ErrorCode;
  return new JobError(code, message, { cause });
}

/** Node's error code, from the error itself or from one of the attempts that it sums up. Undefined for what no network did. */
export function networkCode(cause: unknown): string | undefined {
  if (cause instanceof JobError) return undefined;
  if (cause instanceof AggregateError) return networkCode(cause.errors[0]);
  return cause instanceof Error && 'code' in cause ? String(cause.code) : undefined;
}

const REASONS: Record<string, string> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection closed',
  EPIPE: 'connection closed',
  UND_ERR_SOCKET: 'connection closed',
  ENOTFOUND: 'host name not found',
  EAI_AGAIN: 'host name could not be looked up',
  EHOSTUNREACH: 'no route to host',
  ENETUNREACH: 'no route to host',
  ETIMEDOUT: `no connection within ${CONNECT_DEADLINE_MS / 1000} s`,
  UND_ERR_CONNECT_TIMEOUT: `no connection within ${CONNECT_DEADLINE_MS / 1000} s`,
  UND_ERR_HEADERS_TIMEOUT: `no answer within ${ANSWER_DEADLINE_MS / 1000} s`,
  UND_ERR_BODY_TIMEOUT: `no sign of life for ${SILENCE_DEADLINE_MS / 1000} s`,
};

function whyUnreachable(cause: unknown): string {
  const code = networkCode(cause);
  return (code === undefined ? undefined : REASONS[code]) ?? (cause instanceof Error ? cause.message : String(cause));
}
