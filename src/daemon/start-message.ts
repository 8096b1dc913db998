import type { Narration, Progress, WireError } from '../contract/index.ts';

/** A step on the way to readiness, in the words of the narration room, so that the starter can say it in its own job's name. */
export type StartStep =
  { kind: 'narration'; data: Pick<Narration, 'action' | 'human' | 'detail'> } | { kind: 'progress'; data: Progress };

export interface Readiness {
  readonly port: number;
  /** What only the role itself understands, such as a worker's slots. */
  readonly extra?: Readonly<Record<string, unknown>>;
}

/** What a daemon tells its starter over the IPC channel: steps, then exactly one of ready and failed. */
export type StartMessage = StartStep | ({ kind: 'ready' } & Readiness) | { kind: 'failed'; error: WireError };

const kinds: ReadonlySet<unknown> = new Set<StartMessage['kind']>(['narration', 'progress', 'ready', 'failed']);

/** Starter and daemon are the same version of rbee, so the kind is enough: it only sorts out what some library sends. */
export function isStartMessage(message: unknown): message is StartMessage {
  return typeof message === 'object' && message !== null && 'kind' in message && kinds.has(message.kind);
}
