import * as z from 'zod';
import { failed, isErrorCode, progress, type Narration, type Progress, type WireError } from '../contract/index.ts';

/** A step of the start, in the format of narration, so that the starter can emit it in its own job. */
export type StartStep =
  { kind: 'narration'; data: Pick<Narration, 'action' | 'human' | 'detail'> } | { kind: 'progress'; data: Progress };

export interface Readiness {
  readonly port: number;
  /** Fields of the role itself, such as a worker's slots. */
  readonly extra?: Readonly<Record<string, unknown>>;
}

/** A message of a daemon to its starter over the IPC channel: steps, then exactly one of ready and failed. */
export type StartMessage = StartStep | ({ kind: 'ready' } & Readiness) | { kind: 'failed'; error: WireError };

const step = z.object({ action: z.string(), human: z.string(), detail: z.boolean().optional() });
const startMessage = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('narration'), data: step }),
  z.object({ kind: z.literal('progress'), data: progress }),
  z.object({ kind: z.literal('ready'), port: z.int().min(0).max(65_535), extra: z.record(z.string(), z.unknown()).optional() }),
  z.object({ kind: z.literal('failed'), error: failed.extend({ code: z.string().refine(isErrorCode) }) }),
]);

/**
 * Filters malformed messages. Starter and daemon are the same version of rbee, but a worker runs an engine on an untrusted file,
 * and a message of such a process must not crash its starter.
 */
export function isStartMessage(message: unknown): message is StartMessage {
  return startMessage.safeParse(message).success;
}
