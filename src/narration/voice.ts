import { AsyncLocalStorage } from 'node:async_hooks';
import type { Actor, JobEvent } from '../contract/index.ts';

/** The job that the current code runs in. */
export interface Voice {
  readonly actor: Actor;
  readonly jobId: string;
  readonly correlationId: string;
  /** Appends the event to the job. */
  emit(event: JobEvent): void;
}

const voices = new AsyncLocalStorage<Voice>();

/** Runs `work` in a job: all of its narration goes to that job, however deep the call. */
export function inJob<T>(voice: Voice, work: () => T): T {
  return voices.run(voice, work);
}

/** Undefined outside every job, for example at start-up. */
export function currentJob(): Voice | undefined {
  return voices.getStore();
}
