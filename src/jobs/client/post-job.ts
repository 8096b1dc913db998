import { randomUUID } from 'node:crypto';
import * as z from 'zod';
import { FEED_HEADER } from '../feed/feed-lines.ts';
import { ANSWER_DEADLINE_MS, BODY_BYTES_PER_S, POSTING_GRACE_MS, PROMPT_ANSWER_DEADLINE_MS } from '../limits.ts';
import { call } from './call.ts';
import { cancelWhenBack } from './cancel-job.ts';
import { correlationHeaders } from './correlation.ts';
import { killedWorkersHeader } from './killed-workers.ts';
import type { Peer } from './peer.ts';
import { badResponse } from './peer-errors.ts';
import { capitalised } from './refusal.ts';
import { raceAbort } from './race-abort.ts';

export interface PostOptions {
  operation: string;
  input: object;
  correlationId: string;
  idempotencyKey?: string | undefined;
  /** Workers that ended while they computed the request. */
  kills?: number;
  /** Gives the request up; a job that it created may run on. */
  signal?: AbortSignal;
}

/** Where the events of a new job are to be sent: an open feed, and the job's tag on it. */
interface FeedPlace {
  feedId: string;
  tag: number;
}

interface Posted {
  jobId: string;
  /** Whether the job's events come on the feed; false where the feed was closed meanwhile. */
  isFollowed: boolean;
}

const created = z.object({ job_id: z.string().regex(/^job-[A-Za-z0-9-]{1,64}$/), followed: z.boolean().optional() });

/** @returns the id of the new job, which runs from now on */
export async function postJob(peer: Peer, options: PostOptions): Promise<string> {
  const { jobId } = await createJob(peer, options);
  return jobId;
}

export async function createJob(
  peer: Peer,
  { operation, input, correlationId, idempotencyKey, kills = 0, signal }: PostOptions,
  place?: FeedPlace,
): Promise<Posted> {
  const body = JSON.stringify({ operation, ...input });
  const answer = await call(peer, {
    method: 'POST',
    path: '/v1/jobs',
    body,
    headers: {
      ...correlationHeaders(correlationId),
      ...killedWorkersHeader(kills),
      'idempotency-key': idempotencyKey ?? randomUUID(),
      ...(place === undefined ? {} : { [FEED_HEADER]: `${place.feedId}/${place.tag}` }),
    },
    repeatable: true,
    answerWithinMs: postedWithinMs(body),
    signal,
  });
  const parsed = created.safeParse(answer);
  if (!parsed.success) throw badResponse(peer, `${capitalised(peer.role)} did not return job_id`);
  return { jobId: parsed.data.job_id, isFollowed: parsed.data.followed ?? false };
}

/** A large body takes a while over a slow connection, and its reader a second to check. The peer itself waits no longer than ANSWER_DEADLINE_MS. */
function postedWithinMs(body: string): number {
  return Math.min(ANSWER_DEADLINE_MS, PROMPT_ANSWER_DEADLINE_MS + Math.floor(body.length / BODY_BYTES_PER_S) * 1_000);
}

/**
 * Waits for the answer to a POST. An abort does not end the wait at once: the answer names the job that has to be cancelled. A peer that
 * does not answer within POSTING_GRACE_MS is frozen or cut off; if the answer comes later, the job is cancelled then.
 */
export async function untilPosted(peer: Peer, posting: Promise<Posted>, signal: AbortSignal): Promise<Posted> {
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
