import type { DownstreamJob } from './entities.ts';
import type { JobEvent } from './events.ts';
import type { InputOf, OperationName, OutputOf } from './operations/index.ts';

/** What a handler, or a call to the role below, knows about the job that it belongs to. */
export interface JobContext {
  readonly jobId: string;
  readonly correlationId: string;
  /** Aborts when the job is cancelled. */
  readonly signal: AbortSignal;
  /** Appends an event from outside the generator, for what happens deeper down. */
  emit(event: JobEvent): void;
  /** Notes the job that this one drives on the role below, for cancel, trace and resume. */
  drives(job: DownstreamJob): void;
  /**
   * Keeps the request on disk until the job drives another or ends: while it waits, nobody else has it.
   * @param outline what there is to know of it while it waits; the request itself is read again when it is needed
   * @returns whether it is kept, and `parked` gives it back
   */
  parks(input: object, outline: object): boolean;
  /** The request that is parked, from where it is kept. */
  parked(): object | undefined;
  /** Workers that ended while they computed this request, on this hop or any other. */
  kills(): number;
  /** Counts one more. */
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
