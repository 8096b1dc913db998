import type { JobEvent } from './events.ts';
import { JobError } from './errors.ts';

/** After this many workers have exited while computing a request, it is not computed again: see docs/decisions, a request that ended a worker is suspect. */
export const KILLS_LIMIT = 2;

/** Action of the narration with which a hive reports that a worker exited while it computed the request. */
export const WORKER_KILLED = 'worker_killed';

export function saysWorkerKilled(event: JobEvent): boolean {
  return event.kind === 'narration' && event.data.action === WORKER_KILLED;
}

/** @param death how the last worker exited, as a sentence */
export function requestKilledWorker(death: string, cause?: unknown): JobError {
  const sentence = `${KILLS_LIMIT} workers exited while they computed this request, the last one with no other request. It is not tried again. ${death}`;
  return new JobError('request_killed_worker', sentence, { cause });
}
