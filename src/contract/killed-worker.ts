import type { JobEvent } from './events.ts';
import { JobError } from './errors.ts';

/** A request in whose computing so many workers ended is not computed again: see docs/decisions, a request that ended a worker is suspect. */
export const KILLS_LIMIT = 2;

/** The action of the narration by which a hive reports that a worker ended while it computed the request. */
export const WORKER_KILLED = 'worker_killed';

export function saysWorkerKilled(event: JobEvent): boolean {
  return event.kind === 'narration' && event.data.action === WORKER_KILLED;
}

/** @param death how the last worker ended, as a sentence */
export function requestKilledWorker(death: string, cause?: unknown): JobError {
  const sentence = `${KILLS_LIMIT} workers ended while they computed this request, the last one with nothing else to do. It is not tried again. ${death}`;
  return new JobError('request_killed_worker', sentence, { cause });
}
