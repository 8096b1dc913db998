import { setTimeout as delay } from 'node:timers/promises';
import { JobError } from '../../contract/index.ts';
import { CANCEL_GRACE_MS, CANCEL_PATIENCE_MS, CANCEL_RETRY_MS } from '../limits.ts';
import { call } from './call.ts';
import type { Peer } from './peer.ts';

/** @returns whether the peer has answered: a job that has ended, or that it does not know, needs no cancelling */
export async function cancelJob(peer: Peer, jobId: string): Promise<boolean> {
  const path = `/v1/jobs/${encodeURIComponent(jobId)}`;
  try {
    await call(peer, { method: 'DELETE', path, signal: AbortSignal.timeout(CANCEL_GRACE_MS) });
    return true;
  } catch (cause) {
    return cause instanceof JobError && cause.code !== `${peer.role}_unreachable`;
  }
}

/** Tries to cancel until the peer answers, for up to CANCEL_PATIENCE_MS. */
export async function cancelWhenBack(peer: Peer, jobId: string, firstMs = CANCEL_RETRY_MS): Promise<void> {
  const until = performance.now() + CANCEL_PATIENCE_MS;
  await delay(firstMs, undefined, { ref: false });
  while (!(await cancelJob(peer, jobId)) && performance.now() < until) await delay(CANCEL_RETRY_MS, undefined, { ref: false });
}
