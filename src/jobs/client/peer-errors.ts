import { JobError, type ErrorCode, type Role, NETWORK_WORDS } from '../../contract/index.ts';

/** What an error says about a peer. */
export interface PeerRole {
  role: Role;
}

/** The wait that was too long, as the code of an error. */
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

/** The other side has closed the connection, or this side no longer needs it. */
export class ConnectionClosedError extends Error {
  override readonly name = 'ConnectionClosedError';
  readonly code = 'ECONNRESET';

  constructor() {
    super('connection closed');
  }
}

/** Whether the other side had accepted the connection and then sent nothing for too long: it is frozen, or as good as. */
export function isSilence(cause: unknown): boolean {
  return cause instanceof DeadlineError && cause.code !== 'CONNECT_DEADLINE';
}

export function unreachable(peer: PeerRole, cause: unknown): JobError {
  const code = `${peer.role}_unreachable` satisfies ErrorCode;
  return new JobError(code, `Failed to connect to ${peer.role}: ${whyUnreachable(cause)}`, { cause });
}

export function badResponse(peer: PeerRole, message: string, cause?: unknown): JobError {
  const code = `${peer.role}_bad_response` satisfies ErrorCode;
  return new JobError(code, message, { cause });
}

/** Node's code of a network error, also of the first of several attempts. Undefined for any other error. */
export function networkCode(cause: unknown): string | undefined {
  return isNotHttp(cause) ? undefined : codeOf(cause);
}

/** Whether the answer was not HTTP: another attempt would get the same. */
export function isNotHttp(cause: unknown): boolean {
  return codeOf(cause)?.startsWith('HPE_') ?? false;
}

function codeOf(cause: unknown): string | undefined {
  if (cause instanceof JobError) return undefined;
  if (cause instanceof AggregateError) return codeOf(cause.errors[0]);
  return cause instanceof Error && 'code' in cause ? String(cause.code) : undefined;
}

/** The reason for a message: 'connection refused'. */
export function whyUnreachable(cause: unknown): string {
  const code = networkCode(cause);
  return (code === undefined ? undefined : NETWORK_WORDS[code]) ?? (cause instanceof Error ? cause.message : String(cause));
}

/** A network error as a JobError; any other error as it is. */
export function asJobError(peer: PeerRole, cause: unknown): unknown {
  if (isNotHttp(cause)) return badResponse(peer, `The program on the port of the ${peer.role} does not speak HTTP`, cause);
  return networkCode(cause) === undefined ? cause : unreachable(peer, cause);
}
