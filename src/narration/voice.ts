import { AsyncLocalStorage } from 'node:async_hooks';
import type { Actor, JobEvent } from '../contract/index.ts';

/** The job in whose name the current code runs. */
export interface Voice {
  readonly actor: Actor;
  readonly jobId: string;
  readonly correlationId: string;
  /** Appends the event to the job. */
  emit(event: JobEvent): void;
}

const voices = new AsyncLocalStorage<Voice>();

/** Runs `work` in the name of a job: all that it narrates goes to that job, however deep. */
export function inJob<T>(voice: Voice, work: () => T): T {
  return voices.run(voice, work);
}

/** Undefined outside every job, for example at start-up. */
export function currentJob(): Voice | undefined {
  return voices.getStore();
}
