import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { isAnswer, isErrorCode, JobError, type JobEvent, type OperationName, type OutputOf } from '../../contract/index.ts';
import { beginChunked, type ChunkedAnswer, type JobReading, type JobRegistry, type LoggedEvent } from '../../jobs/index.ts';
import { log } from '../../narration/index.ts';
import type { AnswerEvent, FieldNames, StreamedAnswer, WholeAnswer } from './answer.ts';
import { plainTokenText } from './plain-token.ts';
import { withOwnName } from './request-error.ts';
import { WaitsFor } from './waits-for.ts';

/** A streamed answer begins after this at the latest: until then, a failure is answered with its status. */
const BEGIN_MS = 1_000;
/** Clients give up after some minutes without a byte. */
export const KEEP_ALIVE_MS = 10_000;

export interface RelayOptions<Name extends OperationName> {
  registry: JobRegistry;
  response: ServerResponse;
  headers: Record<string, string>;
  answer: StreamedAnswer<Name> | WholeAnswer<Name>;
  names?: FieldNames | undefined;
  /** Before the first byte of a streamed answer. */
  onBegin: () => void;
  /** The jobs are of no use any longer. */
  onFailed: () => void;
}

/**
 * One answer, from the events of its jobs to the connection of its client.
 *
 *   state    | the first part of an answer, or BEGIN_MS | a job failed                  | all jobs have ended
 *   waiting  | streamed: answering                      | ended: `run` throws it        | ended: `run` returns the body
 *   answering| –                                        | ended, after the failure text | ended, after the closing text
 *
 * J5: nothing is buffered for a slow client; each reader waits for the connection to drain and then reads from the log.
 */
export class Relay<Name extends OperationName> {
  readonly #options: RelayOptions<Name>;
  readonly #jobIds: readonly string[];
  readonly #outputs: (OutputOf<Name> | undefined)[];
  readonly #readings: JobReading[] = [];
  readonly #waitsFor = new WaitsFor();
  /** Readers that are behind a slow client. */
  readonly #waiting: (() => void)[] = [];
  #state: 'waiting' | 'answering' | 'ended' = 'waiting';
  #failure: JobError | undefined;
  /** Undefined before the answer has begun. */
  #out: ChunkedAnswer | undefined;
  #resolve: (body: object | undefined) => void = () => undefined;
  #reject: (failure: JobError) => void = () => undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(jobIds: readonly string[], options: RelayOptions<Name>) {
    this.#jobIds = jobIds;
    this.#options = options;
    this.#outputs = jobIds.map(() => undefined);
  }

  /**
   * @returns the body of an answer in one piece; undefined when a streamed one has begun, or the client has disconnected
   * @throws JobError why a job failed, before anything was sent
   */
  run(): Promise<object | undefined> {
    const { registry } = this.#options;
    const result = new Promise<object | undefined>((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    if (typeof this.#options.answer !== 'function') this.#timer = setTimeout(() => this.#begin(), BEGIN_MS);
    for (const [choice, jobId] of this.#jobIds.entries()) {
      const encoder = (events: readonly LoggedEvent[]) => this.#textOf(events, choice);
      this.#readings.push(registry.read(jobId, this.#sinkOf(choice), { after: 0, encoder }));
    }
    for (const reading of this.#readings) reading.start();
    return result;
  }

  /** The client has disconnected. */
  close(): void {
    this.#finish();
    this.#resolve(undefined);
  }

  #sinkOf(choice: number) {
    return {
      write: (text: string) => this.#send(text),
      drained: (callback: () => void) => this.#whenDrained(callback),
      end: (text: string) => this.#jobEnded(text, choice),
    };
  }

  /** One listener for all choices. */
  #whenDrained(callback: () => void): void {
    this.#waiting.push(callback);
    if (this.#waiting.length > 1) return;
    this.#out?.drained(() => {
      for (const waiting of this.#waiting.splice(0)) waiting();
    });
  }

  /** What to send for these events. */
  #textOf(logged: readonly LoggedEvent[], choice: number): string {
    const { answer } = this.#options;
    const plain = this.#plainTextOf(logged, choice);
    if (plain !== undefined) return plain;
    const events = logged.map((event) => this.#note(event, choice)).filter((event) => event !== undefined);
    if (typeof answer === 'function' || this.#state === 'ended') return '';
    if (events.some(({ kind }) => isAnswer(kind) || kind === 'prompt' || kind === 'result')) this.#begin();
    try {
      return events.map((event) => answer.event(event, choice)).join('');
    } catch (cause) {
      this.#fail(asInternal(cause));
      return '';
    }
  }

  /** Of tokens that need not be parsed, as nearly all are; undefined for others. */
  #plainTextOf(logged: readonly LoggedEvent[], choice: number): string | undefined {
    const { answer } = this.#options;
    if (typeof answer !== 'function' && (answer.token === undefined || this.#state === 'ended')) return undefined;
    const texts: string[] = [];
    for (const { kind, json } of logged) {
      const text = kind === 'token' ? plainTokenText(json) : undefined;
      if (text === undefined) return undefined;
      texts.push(text);
    }
    // An answer in one piece is made from the outputs.
    if (typeof answer === 'function' || texts.length === 0) return '';
    this.#begin();
    return texts.map((text) => answer.token?.(text, choice)).join('');
  }

  /** @returns undefined for a failure, which is kept */
  #note({ kind, json }: LoggedEvent, choice: number): AnswerEvent<Name> | undefined {
    const data = JSON.parse(json) as Record<string, unknown>;
    if (kind === 'result') {
      this.#outputs[choice] = data as OutputOf<Name>;
      return { kind, data: data as OutputOf<Name> };
    }
    if (kind === 'failed' || kind === 'cancelled') {
      this.#failure ??=
        kind === 'failed' ? asFailure(data) : new JobError('cancelled', `The job was cancelled: ${String(data['reason'])}`);
      return undefined;
    }
    const event = { kind, data } as JobEvent;
    this.#waitsFor.note(event);
    return event;
  }

  /** The headers, and the first text. */
  #begin(): void {
    const { answer, response, headers, onBegin } = this.#options;
    if (this.#state !== 'waiting') return;
    assert(typeof answer !== 'function', 'an answer in one piece is returned');
    this.#state = 'answering';
    clearTimeout(this.#timer);
    onBegin();
    const out = beginChunked(response, { ...STREAM_HEADERS, ...headers, 'content-type': answer.contentType });
    this.#out = out;
    this.#timer = setInterval(() => {
      // Behind a slow client, a comment would be one more thing to buffer.
      if (!out.isFull) this.#send(answer.keepAlive(this.#waitsFor.text));
    }, KEEP_ALIVE_MS);
    this.#send(answer.begin?.() ?? '');
    this.#resolve(undefined);
  }

  #send(text: string): boolean {
    if (text === '' || this.#state !== 'answering' || this.#out === undefined) return true;
    this.#timer?.refresh();
    return this.#out.write(text);
  }

  #jobEnded(text: string, choice: number): void {
    if (this.#state === 'ended') return;
    this.#send(text);
    if (this.#outputs[choice] === undefined) this.#failure ??= LOST;
    if (this.#failure !== undefined) this.#fail(this.#failure);
    else if (this.#outputs.every((output) => output !== undefined)) this.#succeed(this.#outputs);
  }

  #succeed(outputs: OutputOf<Name>[]): void {
    const { answer, response } = this.#options;
    this.#finish();
    try {
      if (typeof answer === 'function') this.#resolve(answer(outputs));
      else response.end(answer.end?.());
    } catch (cause) {
      this.#reject(asInternal(cause));
      // The client notices: its answer has no end.
      if (typeof answer !== 'function') response.destroy();
    }
  }

  #fail(cause: JobError): void {
    const { answer, response, onFailed, names = {} } = this.#options;
    const failure = withOwnName(cause, names);
    const hasBegun = this.#state === 'answering';
    this.#finish();
    onFailed();
    if (hasBegun && typeof answer !== 'function') response.end(answer.fail(failure));
    else this.#reject(failure);
  }

  #finish(): void {
    this.#state = 'ended';
    clearTimeout(this.#timer);
    for (const reading of this.#readings) reading.close();
  }

  /** Whether nothing more is sent. */
  get hasEnded(): boolean {
    return this.#state === 'ended';
  }
}

const STREAM_HEADERS = { 'cache-control': 'no-cache, no-transform', 'x-accel-buffering': 'no' };

const LOST = new JobError('interrupted', 'The events of the job can no longer be read');

function asFailure({ code, message, origin }: Record<string, unknown>): JobError {
  const known = typeof code === 'string' && isErrorCode(code) ? code : 'internal';
  return new JobError(known, String(message), { origin: origin as 'queen-rbee' });
}

function asInternal(cause: unknown): JobError {
  log.error({ err: cause }, 'an answer could not be translated');
  return new JobError('internal', 'The answer could not be translated; the log of the queen has the cause', { cause });
}
