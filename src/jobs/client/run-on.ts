import { AsyncResource } from 'node:async_hooks';
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
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
} from '../../contract/index.ts';
import { call, capitalised, parseJson } from './call.ts';
import { correlationHeaders } from './correlation.ts';
import { feedOf } from '../feed/feed.ts';
import type { FeedLink } from '../feed/feed-link.ts';
import { FEED_HEADER } from '../feed/feed-lines.ts';
import { killedWorkersHeader } from './killed-workers.ts';
import type { Broken, FollowOptions } from '../feed/follower.ts';
import { CANCEL_GRACE_MS, CANCEL_PATIENCE_MS, CANCEL_RETRY_MS, POSTING_GRACE_MS, PROMPT_ANSWER_DEADLINE_MS } from '../limits.ts';
import { badResponse, type Peer } from './peer.ts';
import { raceAbort } from './race-abort.ts';
import { relay } from '../registry/relayed-event.ts';
import { readStream } from './stream.ts';
import type { StreamEvent } from './stream-event.ts';

export interface RunOnOptions {
  /** Told when the connection broke and is being taken up again. */
  onReconnect?: (broken: Broken) => void;
  /** Makes a second try the same job as the first, if that one arrived. */
  idempotencyKey?: string;
  /** Daemons follow each other's jobs on one feed for all of them; a stream for each is what everybody else reads. */
  transport?: 'feed' | 'stream';
}

/**
 * Runs an operation on a peer: the same type as a handler, so `return yield* run(peer, name, input, context)` forwards.
 * What the job there says is emitted as it arrives, without a turn of this generator. Survives broken connections; when the
 * context's signal aborts, the job there is cancelled too.
 * @throws JobError what failed there, or <role>_unreachable, <role>_bad_response
 */
export function runOn<K extends OperationName>(
  peer: Peer,
  operation: K,
  options: RunOnOptions = {},
): (input: InputOf<K>, context: JobContext) => AsyncGenerator<JobEvent, OutputOf<K>, void> {
  return async function* (input, context) {
    const { idempotencyKey, transport = 'feed' } = options;
    const { correlationId } = context;
    // There is no job yet to be cancelled.
    const link = transport === 'feed' ? await raceAbort(feedOf(peer).open(), context.signal) : undefined;
    const request = { operation, input, correlationId, idempotencyKey, kills: context.kills() };
    const last =
      link === undefined
        ? await runOnStream(peer, request, { context, options })
        : await runOnFeed(peer, { ...request, link }, { context, options });
    return asOutput(peer, operation, last);
  };
}

/** Goes on with a job that a former process ran there. Otherwise like runOn. */
export function resumeOn<K extends OperationName>(
  peer: Peer,
  operation: K,
  options: Pick<RunOnOptions, 'onReconnect'> = {},
): (place: { jobId: string; after: number }, context: JobContext) => AsyncGenerator<JobEvent, OutputOf<K>, void> {
  return async function* ({ jobId, after }, context) {
    const feed = feedOf(peer);
    const follower = feed.follow(followOptions({ context, options }, after));
    feed.claim(follower, jobId);
    return asOutput(peer, operation, await untilEnded(peer, jobId, follower.ended));
  };
}

interface Driving {
  context: JobContext;
  options: RunOnOptions;
}

async function runOnStream(peer: Peer, request: PostOptions, { context, options }: Driving): Promise<StreamEvent> {
  const driven_at = new Date().toISOString();
  const { jobId } = await untilPosted(peer, createJob(peer, request), context.signal);
  context.setDownstream({ role: peer.role, name: peer.name, job_id: jobId, driven_at });
  return untilEnded(peer, jobId, followStream(peer, jobId, followOptions({ context, options }, 0)));
}

async function runOnFeed(
  peer: Peer,
  request: PostOptions & { link: FeedLink },
  { context, options }: Driving,
): Promise<StreamEvent> {
  const feed = feedOf(peer);
  const follower = feed.follow(followOptions({ context, options }, 0));
  try {
    const driven_at = new Date().toISOString();
    const posting = createJob(peer, request, follower.tag);
    const { jobId, isFollowed } = await untilPosted(peer, posting, context.signal);
    context.setDownstream({ role: peer.role, name: peer.name, job_id: jobId, driven_at });
    feed.claim(follower, jobId, isFollowed ? request.link : undefined);
    return await untilEnded(peer, jobId, follower.ended);
  } catch (cause) {
    follower.fail(cause);
    throw cause;
  }
}

function followOptions({ context, options }: Driving, after: number): FollowOptions {
  return {
    after,
    signal: context.signal,
    // Called by the feed, which many jobs share: what it says is to be said in the name of this one.
    onReconnect: options.onReconnect && AsyncResource.bind(options.onReconnect),
    onEvent: ({ kind, json, seq }) => {
      if (!isTerminal(kind)) context.emit(relay(kind, json, seq));
    },
  };
}

interface Posted {
  jobId: string;
  isFollowed: boolean;
}

/**
 * Not given up at once: the answer tells which job there is to cancel. A peer that does not give it in a moment is frozen, or cut
 * off; if it comes later, the job is cancelled then.
 */
async function untilPosted(peer: Peer, posting: Promise<Posted>, signal: AbortSignal): Promise<Posted> {
  const late = new AbortController();
  const onAbort = () => void setTimeout(() => late.abort(signal.reason), POSTING_GRACE_MS).unref();
  if (signal.aborted) onAbort();
  else signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await raceAbort(posting, late.signal);
  } catch (cause) {
    if (late.signal.aborted)
      posting.then(
        ({ jobId }) => void cancelWhenBack(peer, jobId, 0),
        () => undefined,
      );
    throw cause;
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

/** An abort on this side cancels the job there. */
async function untilEnded(peer: Peer, jobId: string, ended: Promise<StreamEvent>): Promise<StreamEvent> {
  let isEnded = false;
  try {
    const last = await ended;
    isEnded = true;
    return last;
  } finally {
    // A peer that does not hear it now is frozen, or cut off: it hears it when it is back, and its slot is free then.
    if (!isEnded && !(await cancelJob(peer, jobId))) void cancelWhenBack(peer, jobId);
  }
}

async function cancelWhenBack(peer: Peer, jobId: string, firstMs = CANCEL_RETRY_MS): Promise<void> {
  const until = performance.now() + CANCEL_PATIENCE_MS;
  await delay(firstMs, undefined, { ref: false });
  while (!(await cancelJob(peer, jobId)) && performance.now() < until) await delay(CANCEL_RETRY_MS, undefined, { ref: false });
}

async function followStream(peer: Peer, jobId: string, options: FollowOptions): Promise<StreamEvent> {
  for await (const event of readStream(peer, jobId, options)) {
    if (isTerminal(event.kind)) return event;
    options.onEvent(event);
  }
  throw badResponse(peer, `The ${peer.role} ended job '${jobId}' without saying how`);
}

interface PostOptions {
  operation: string;
  input: object;
  correlationId: string;
  idempotencyKey?: string | undefined;
  /** Workers that ended while they computed the request. */
  kills?: number;
  /** Gives the request up; a job that it made may run on. */
  signal?: AbortSignal;
}

const created = z.object({ job_id: z.string().regex(/^job-[A-Za-z0-9-]{1,64}$/), followed: z.boolean().optional() });

/** @returns the id of the new job, which runs from now on */
export async function postJob(peer: Peer, options: PostOptions): Promise<string> {
  const { jobId } = await createJob(peer, options);
  return jobId;
}

/** @param tag follows the job on the feed, if that is still open there */
async function createJob(
  peer: Peer,
  { operation, input, correlationId, idempotencyKey, kills = 0, signal, link }: PostOptions & { link?: FeedLink },
  tag?: number,
): Promise<Posted> {
  const answer = await call(peer, {
    method: 'POST',
    path: '/v1/jobs',
    body: JSON.stringify({ operation, ...input }),
    headers: {
      ...correlationHeaders(correlationId),
      ...killedWorkersHeader(kills),
      'idempotency-key': idempotencyKey ?? randomUUID(),
      ...(link === undefined ? {} : { [FEED_HEADER]: `${link.id}/${tag}` }),
    },
    repeatable: true,
    answerWithinMs: PROMPT_ANSWER_DEADLINE_MS,
    signal,
  });
  const parsed = created.safeParse(answer);
  if (!parsed.success) throw badResponse(peer, `${capitalised(peer.role)} did not return job_id`);
  return { jobId: parsed.data.job_id, isFollowed: parsed.data.followed ?? false };
}

/** @returns whether the peer has heard it: a job that has ended, or that it does not know, needs no cancelling */
export async function cancelJob(peer: Peer, jobId: string): Promise<boolean> {
  const path = `/v1/jobs/${encodeURIComponent(jobId)}`;
  try {
    await call(peer, { method: 'DELETE', path, signal: AbortSignal.timeout(CANCEL_GRACE_MS) });
    return true;
  } catch (cause) {
    return cause instanceof JobError && cause.code !== `${peer.role}_unreachable`;
  }
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
