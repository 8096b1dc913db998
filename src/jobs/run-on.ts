import { randomUUID } from 'node:crypto';
import * as z from 'zod';
import {
  cancelled,
  failed,
  isErrorCode,
  isTerminal,
  JobError,
  operations,
  type InputOf,
  type JobContext,
  type JobEvent,
  type OperationName,
  type OutputOf,
} from '../contract/index.ts';
import { call, capitalised, parseJson } from './call.ts';
import { correlationHeaders } from './correlation.ts';
import { CANCEL_GRACE_MS } from './limits.ts';
import { badResponse, type Peer } from './peer.ts';
import { relay } from './relayed-event.ts';
import { readStream, type StreamEvent, type StreamOptions } from './stream.ts';

/**
 * Runs an operation on a peer: the same type as a handler, so `return yield* run(peer, name, input, context)` forwards.
 * Survives broken connections; when the context's signal aborts, the job there is cancelled too.
 * @throws JobError what failed there, or <role>_unreachable, <role>_bad_response
 */
export function runOn<K extends OperationName>(
  peer: Peer,
  operation: K,
  options: Pick<StreamOptions, 'onReconnect'> = {},
): (input: InputOf<K>, context: JobContext) => AsyncGenerator<JobEvent, OutputOf<K>, void> {
  return async function* (input, context) {
    // Not to be aborted: only the answer tells which job there is to cancel.
    const jobId = await postJob(peer, { operation, input, correlationId: context.correlationId });
    context.drives({ role: peer.role, name: peer.name, job_id: jobId });
    const last = yield* relayJob(peer, jobId, { ...options, signal: context.signal });
    return asOutput(peer, operation, last);
  };
}

interface PostOptions {
  operation: string;
  input: object;
  correlationId: string;
  /** Gives the request up; a job that it made may run on. */
  signal?: AbortSignal;
}

const created = z.object({ job_id: z.string().regex(/^job-[A-Za-z0-9-]{1,64}$/) });

/** @returns the id of the new job, which runs from now on */
export async function postJob(peer: Peer, { operation, input, correlationId, signal }: PostOptions): Promise<string> {
  const answer = await call(peer, {
    method: 'POST',
    path: '/v1/jobs',
    body: JSON.stringify({ operation, ...input }),
    headers: { ...correlationHeaders(correlationId), 'idempotency-key': randomUUID() },
    repeatable: true,
    signal,
  });
  const parsed = created.safeParse(answer);
  if (!parsed.success) throw badResponse(peer, `${capitalised(peer.role)} did not return job_id`);
  return parsed.data.job_id;
}

/** Relays a job's events, then returns its terminal event. An abort on this side, or a consumer that leaves, cancels the job there. */
async function* relayJob(
  peer: Peer,
  jobId: string,
  options: Omit<StreamOptions, 'after'>,
): AsyncGenerator<JobEvent, StreamEvent, void> {
  let ended = false;
  try {
    for await (const event of readStream(peer, jobId, { ...options, after: 0 })) {
      if (isTerminal(event.kind)) {
        ended = true;
        return event;
      }
      yield relay(event.kind, event.json, event.seq);
    }
    throw badResponse(peer, `The ${peer.role} ended job '${jobId}' without saying how`);
  } finally {
    if (!ended) await cancelJob(peer, jobId);
  }
}

/** Best effort: a peer that is gone has nothing left to cancel. */
export async function cancelJob(peer: Peer, jobId: string): Promise<void> {
  const path = `/v1/jobs/${encodeURIComponent(jobId)}`;
  await call(peer, { method: 'DELETE', path, signal: AbortSignal.timeout(CANCEL_GRACE_MS) }).catch(() => undefined);
}

function asOutput<K extends OperationName>(peer: Peer, operation: K, last: StreamEvent): OutputOf<K> {
  const data = parseJson(last.json);
  if (last.kind === 'failed') throw asFailure(peer, data);
  if (last.kind === 'cancelled') throw asCancelled(peer, data);
  const parsed = z.safeParse(operations[operation].output, data);
  if (!parsed.success)
    throw badResponse(peer, `The ${peer.role} returned a result of ${operation} that is not ours`, parsed.error);
  return parsed.data as OutputOf<K>;
}

function asFailure(peer: Peer, data: unknown): JobError {
  const parsed = failed.safeParse(data);
  if (!parsed.success || !isErrorCode(parsed.data.code))
    return badResponse(peer, `The ${peer.role} failed with an error that is not ours`);
  return new JobError(parsed.data.code, parsed.data.message, { origin: parsed.data.origin });
}

function asCancelled(peer: Peer, data: unknown): JobError {
  const parsed = cancelled.safeParse(data);
  return new JobError('cancelled', parsed.success ? parsed.data.reason : `cancelled by the ${peer.role}`);
}
