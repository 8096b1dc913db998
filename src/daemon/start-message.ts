import * as z from 'zod';
import { failed, isErrorCode, progress, type Narration, type Progress, type WireError } from '../contract/index.ts';

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

const step = z.object({ action: z.string(), human: z.string(), detail: z.boolean().optional() });
const startMessage = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('narration'), data: step }),
  z.object({ kind: z.literal('progress'), data: progress }),
  z.object({ kind: z.literal('ready'), port: z.int().min(0).max(65_535), extra: z.record(z.string(), z.unknown()).optional() }),
  z.object({ kind: z.literal('failed'), error: failed.extend({ code: z.string().refine(isErrorCode) }) }),
]);

/**
 * Sorts out what is not ours. Starter and daemon are the same version of rbee, but a worker runs an engine on a file from
 * elsewhere, and what such a process sends must not end its starter.
 */
export function isStartMessage(message: unknown): message is StartMessage {
  return startMessage.safeParse(message).success;
}
