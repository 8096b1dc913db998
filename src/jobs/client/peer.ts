import { JobError, type ErrorCode, type Role, NETWORK_WORDS } from '../../contract/index.ts';
import type { Trust } from '../../proof/index.ts';

/** A daemon that serves jobs, seen from its client. */
export interface Peer {
  role: Role;
  /** Id of the hive or worker; 'queen' for the queen. */
  name: string;
  host: string;
  port: number;
  /** Proved on each connection before anything is sent. Without it nothing is: neither side knows a secret of the other. */
  trust?: Trust | undefined;
}

/** Which wait was too long. Named like Node's own network errors, so that one table explains them all. */
export type Deadline = 'CONNECT_DEADLINE' | 'ANSWER_DEADLINE' | 'SILENCE_DEADLINE';

export class DeadlineError extends Error {
  override readonly name = 'DeadlineError';
  readonly code: Deadline;

  constructor(code: Deadline, withinMs: number) {
    super(`${WAITED_FOR[code]} ${withinMs / 1000} s`);
    this.code = code;
  }
}

const WAITED_FOR: Record<Deadline, string> = {
  CONNECT_DEADLINE: 'no connection within',
  ANSWER_DEADLINE: 'no answer within',
  SILENCE_DEADLINE: 'no sign of life for',
};

/** The other side has closed the connection, or this side has no use for it any more. */
export class ConnectionClosedError extends Error {
  override readonly name = 'ConnectionClosedError';
  readonly code = 'ECONNRESET';

  constructor() {
    super('connection closed');
  }
}

/** Whether the other side took the connection, or had it, and then kept silent for too long: it is frozen, or as good as. */
export function isSilence(cause: unknown): boolean {
  return cause instanceof DeadlineError && cause.code !== 'CONNECT_DEADLINE';
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
  return isNotHttp(cause) ? undefined : codeOf(cause);
}

/** Whether what came was not HTTP: another try brings the same. */
export function isNotHttp(cause: unknown): boolean {
  return codeOf(cause)?.startsWith('HPE_') ?? false;
}

function codeOf(cause: unknown): string | undefined {
  if (cause instanceof JobError) return undefined;
  if (cause instanceof AggregateError) return codeOf(cause.errors[0]);
  return cause instanceof Error && 'code' in cause ? String(cause.code) : undefined;
}

/** For people: 'connection refused'. */
export function whyUnreachable(cause: unknown): string {
  const code = networkCode(cause);
  return (code === undefined ? undefined : NETWORK_WORDS[code]) ?? (cause instanceof Error ? cause.message : String(cause));
}
