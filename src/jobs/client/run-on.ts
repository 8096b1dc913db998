import { AsyncResource } from 'node:async_hooks';
import {
  isTerminal,
  type InputOf,
  type JobContext,
  type JobEvent,
  type OperationName,
  type OutputOf,
} from '../../contract/index.ts';
import { feedOf } from '../feed/feed.ts';
import type { FollowOptions } from '../feed/follower.ts';
import { cancelJob, cancelWhenBack } from './cancel-job.ts';
import { decodeResult } from './decode-result.ts';
import type { Peer } from './peer.ts';
import { createJob, untilPosted } from './post-job.ts';
import { raceAbort } from './race-abort.ts';
import { relay } from './relayed-event.ts';
import type { Broken } from './resume-stream.ts';
import type { StreamEvent } from './stream-event.ts';

export interface RunOnOptions {
  /** Called when the connection broke and is being opened again. */
  onReconnect?: (broken: Broken) => void;
  /** Makes a second attempt the same job as the first, if that one arrived. */
  idempotencyKey?: string;
}

/**
 * Runs an operation on a peer: the same type as a handler, so `return yield* run(peer, name, input, context)` forwards.
 * The events of the job there are emitted as they arrive, without a turn of this generator. Survives broken connections; when the
 * context's signal aborts, the job there is cancelled too.
 * @throws JobError the failure there, or <role>_unreachable, <role>_bad_response
 */
export function runOn<K extends OperationName>(
  peer: Peer,
  operation: K,
  options: RunOnOptions = {},
): (input: InputOf<K>, context: JobContext) => AsyncGenerator<JobEvent, OutputOf<K>, void> {
  return async function* (input, context) {
    const feed = feedOf(peer);
    // No job exists yet that an abort would have to cancel.
    const link = await raceAbort(feed.open(), context.signal);
    const follower = feed.follow(followOptions(context, options, 0));
    try {
      const driven_at = new Date().toISOString();
      const { correlationId } = context;
      const request = { operation, input, correlationId, idempotencyKey: options.idempotencyKey, kills: context.kills() };
      const posting = createJob(peer, request, { feedId: link.id, tag: follower.tag });
      const { jobId, isFollowed } = await untilPosted(peer, posting, context.signal);
      context.setDownstream({ role: peer.role, name: peer.name, job_id: jobId, driven_at });
      feed.claim(follower, jobId, isFollowed ? link : undefined);
      return decodeResult(peer, operation, await untilEnded(peer, jobId, follower.ended));
    } catch (cause) {
      follower.fail(cause);
      throw cause;
    }
  };
}

/** Continues a job that a previous process ran there. Otherwise like runOn. */
export function resumeOn<K extends OperationName>(
  peer: Peer,
  operation: K,
  options: Pick<RunOnOptions, 'onReconnect'> = {},
): (place: { jobId: string; after: number }, context: JobContext) => AsyncGenerator<JobEvent, OutputOf<K>, void> {
  return async function* ({ jobId, after }, context) {
    const feed = feedOf(peer);
    const follower = feed.follow(followOptions(context, options, after));
    feed.claim(follower, jobId);
    return decodeResult(peer, operation, await untilEnded(peer, jobId, follower.ended));
  };
}

function followOptions(context: JobContext, { onReconnect }: RunOnOptions, after: number): FollowOptions {
  return {
    after,
    signal: context.signal,
    // The feed, which many jobs share, calls this: it must narrate into this job.
    onReconnect: onReconnect && AsyncResource.bind(onReconnect),
    onEvent: ({ kind, json, seq }) => {
      if (!isTerminal(kind)) context.emit(relay(kind, json, seq));
    },
  };
}

/** An abort on this side cancels the job there. */
async function untilEnded(peer: Peer, jobId: string, ended: Promise<StreamEvent>): Promise<StreamEvent> {
  let isEnded = false;
  try {
    const last = await ended;
    isEnded = true;
    return last;
  } finally {
    // A peer that does not answer is frozen or cut off. It gets the DELETE when it is back, and then its slot is free.
    if (!isEnded && !(await cancelJob(peer, jobId))) void cancelWhenBack(peer, jobId);
  }
}
