import { JobError, type ErrorCode, type Role } from '../contract/index.ts';
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

/** Which wait was too long. Named like Node's own network errors, so that one table explains them all. */
export type Deadline = 'CONNECT_DEADLINE' | 'ANSWER_DEADLINE' | 'CALL_DEADLINE' | 'SILENCE_DEADLINE';

export class DeadlineError extends Error {
  override readonly name = 'DeadlineError';
  readonly code: Deadline;

  constructor(code: Deadline) {
    super(REASONS[code]);
    this.code = code;
  }
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
  ENOTFOUND: 'host name not found',
  EAI_AGAIN: 'host name could not be looked up',
  EHOSTUNREACH: 'no route to host',
  ENETUNREACH: 'no route to host',
  ETIMEDOUT: 'no answer from its address',
  CONNECT_DEADLINE: `no connection within ${CONNECT_DEADLINE_MS / 1000} s`,
  ANSWER_DEADLINE: `no answer within ${ANSWER_DEADLINE_MS / 1000} s`,
  CALL_DEADLINE: 'no answer in time',
  SILENCE_DEADLINE: `no sign of life for ${SILENCE_DEADLINE_MS / 1000} s`,
};

function whyUnreachable(cause: unknown): string {
  const code = networkCode(cause);
  return (code === undefined ? undefined : REASONS[code]) ?? (cause instanceof Error ? cause.message : String(cause));
}
