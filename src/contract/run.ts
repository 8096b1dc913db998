import type { DownstreamJob } from './entities.ts';
import type { JobEvent } from './events.ts';
import type { InputOf, OperationName, OutputOf } from './operations/index.ts';

/** The job of a handler, or of a call to the role below. */
export interface JobContext {
  readonly jobId: string;
  readonly correlationId: string;
  /** Aborts when the job is cancelled. */
  readonly signal: AbortSignal;
  /** Appends an event from outside the generator, for deeper layers. */
  emit(event: JobEvent): void;
  /** Whether this job has emitted a part of an answer, in this process or before a restart: running it again would repeat part of its answer. */
  hasAnswered(): boolean;
  /** Records the job on the role below that this one now depends on, for cancel, trace and resume. */
  setDownstream(job: DownstreamJob): void;
  /**
   * Keeps the request on disk until the job is forwarded (`setDownstream`) or ends, so that a restart loses no waiting request.
   * @param outline what the role needs in memory while the request waits; `keptRequest` reads the request itself
   * @returns false for a job that has answered or ended: then nothing is kept
   */
  keepUntilForwarded(input: object, outline: object): boolean;
  /** The kept request, read from disk if need be; undefined when there is none. */
  keptRequest(): object | undefined;
  /** Number of workers that exited while they computed this request, on this hop or any other. */
  kills(): number;
  /** Counts one more such worker. */
  killedWorker(): void;
}

/**
 * The call that a client makes and the handler that serves it have the same type: yield events, return the output,
 * throw the failure. So forwarding is `return client.run(name, input, context)`, over any number of hops.
 */
export type Run<K extends OperationName> = (
  input: InputOf<K>,
  context: JobContext,
) => AsyncGenerator<JobEvent, OutputOf<K>, void>;

export type Handlers = { [K in OperationName]?: Run<K> };
