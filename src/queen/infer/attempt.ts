import {
  isAnswer,
  JobError,
  saysWorkerKilled,
  type HiveReport,
  type JobContext,
  type JobEvent,
  type OutputOf,
  type WorkerOperation,
} from '../../contract/index.ts';
import { narrate } from '../../narration/index.ts';
import { runOnHive } from '../forward.ts';
import type { FailedHives, Reservation } from '../placement/index.ts';
import type { AnswerSoFar } from './answer-so-far.ts';
import { hasPeerEnded, isOfHive, mayComeBack, mayRunElsewhere } from './failures.ts';
import type { HeldRequest } from './held-request.ts';
import type { InferParts } from './reserve.ts';

/** After this long without a heartbeat of its hive, a request with no tokens yet moves to another hive if one can take it. */
const UNREACHABLE_MS = 1_000;
/** An answer in progress waits longer: if its hive comes back, it resumes without a gap. */
const UNREACHABLE_IN_ANSWER_MS = 5_000;
/** A hive reports its memory again when its workers change; this long after a refusal, at the latest. */
const REPORT_WITHIN_MS = 2_000;

export type Answer = AsyncGenerator<JobEvent, OutputOf<WorkerOperation>, void>;

/** The state of a request over all of its attempts. */
export interface RequestState {
  readonly request: HeldRequest;
  readonly answer: AnswerSoFar;
  /** Hives that have failed the request. */
  readonly failedHives: FailedHives;
  /** Hives whose report showed more free memory than they had. The next `no_room` of such a hive is a failure. */
  readonly staleHives: Set<string>;
}

/** One attempt to run a request, at the place of a reservation. */
export class Attempt {
  readonly #parts: InferParts;
  readonly #context: JobContext;
  readonly #state: RequestState;
  readonly #reservation: Reservation;
  readonly #hiveId: string;
  /** The report from which the place was chosen. */
  readonly #report: HiveReport | undefined;
  /** Whether a worker has begun to compute the request. */
  #isComputed = false;
  #hasKilled = false;

  constructor(reservation: Reservation, state: RequestState, { parts, context }: { parts: InferParts; context: JobContext }) {
    this.#parts = parts;
    this.#context = context;
    this.#state = state;
    this.#reservation = reservation;
    this.#hiveId = reservation.hive_id;
    this.#report = parts.view.watch(this.#hiveId)?.report;
  }

  /** Whether a worker exited while it computed the request. */
  get hasKilled(): boolean {
    return this.#hasKilled;
  }

  async *run(): Answer {
    const { answer, request } = this.#state;
    const unreachable = new AbortController();
    const over = new AbortController();
    const signal = AbortSignal.any([this.#context.signal, unreachable.signal]);
    const emit: JobContext['emit'] = (event) => {
      answer.take(event);
      this.#note(event);
      this.#context.emit(event);
    };
    void this.#abortWhenUnreachable(unreachable, over.signal);
    try {
      yield* this.#downloadModel({ ...this.#context, signal });
      const input = { ...answer.next(), ...this.#reservation.patch };
      const hive = this.#parts.hives.get(this.#hiveId);
      const onWait = () => void request.keepOnDisk();
      return yield* runOnHive(request.operation, hive, { ...this.#parts, onWait })(input, { ...this.#context, signal, emit });
    } finally {
      over.abort();
    }
  }

  #note(event: JobEvent): void {
    if (isAnswer(event.kind) || event.kind === 'prompt') this.#isComputed = true;
    if (event.kind !== 'narration') return;
    if (event.data.actor === 'llm-worker-rbee') this.#isComputed = true;
    if (!saysWorkerKilled(event)) return;
    this.#hasKilled = true;
    this.#context.killedWorker();
  }

  /** Whether a process or connection ended before anything of the request was computed. */
  onlyWaited(cause: unknown): boolean {
    return !this.#isComputed && !this.#hasKilled && cause instanceof JobError && hasPeerEnded(cause);
  }

  /** Before the first token any other place may serve the request; later only a worker that continues the answer. */
  mayMove(cause: unknown): cause is JobError {
    const { request, answer } = this.#state;
    const { worker_id, hive_id } = request.outline;
    if (!(cause instanceof JobError) || worker_id !== undefined) return false;
    if (hive_id !== undefined && isOfHive(cause)) return cause.retryable && this.onlyWaited(cause);
    return mayRunElsewhere(cause) && (!this.#context.hasAnswered() || answer.mayContinue);
  }

  /** Whether the memory was gone before the request arrived, and the hive has reported that since: then placement decides again. */
  async isStale(cause: unknown): Promise<boolean> {
    const { staleHives } = this.#state;
    if (!(cause instanceof JobError) || cause.code !== 'no_room' || staleHives.has(this.#hiveId)) return false;
    staleHives.add(this.#hiveId);
    const watch = this.#parts.view.watch(this.#hiveId);
    return (await watch?.reportedSince(this.#report, REPORT_WITHIN_MS, this.#context.signal)) ?? false;
  }

  /** Excludes the hive from the next attempts. Narrated only if another place exists: otherwise the failure or the wait is reported instead. */
  moveOn(cause: JobError): void {
    const { failedHives, request } = this.#state;
    const why = `has failed this request: ${cause.message}`;
    const others = failedHives.copy();
    if (isOfHive(cause)) others.add(this.#hiveId, why, cause);
    const hasOther = this.#parts.dispatcher.couldRun(request.outline, others);
    // Without another place, the request waits for a hive that may come back.
    if (isOfHive(cause) && (hasOther || !mayComeBack(cause))) failedHives.add(this.#hiveId, why, cause);
    if (!hasOther) return;
    const next = this.#context.hasAnswered() ? 'another worker continues the answer' : 'trying another place';
    narrate('elsewhere', `hive '${this.#hiveId}' failed the request (${cause.message}); ${next}`);
  }

  async *#downloadModel(context: JobContext): AsyncGenerator<JobEvent, void, void> {
    const { placement } = this.#reservation;
    if (placement.kind !== 'download') return;
    const { model, source, sha256 } = placement.origin;
    const hive = this.#parts.hives.get(this.#hiveId);
    // A model of the Hub has its name from there, unless it was given another one.
    const name = source.startsWith(`hf:${model}@`) ? {} : { name: model };
    const input = { hive_id: hive.hive_id, model: source, ...name, ...(sha256 === undefined ? {} : { sha256 }) };
    const setDownstream: JobContext['setDownstream'] = (below) =>
      this.#state.request.keepThrough(() => context.setDownstream({ ...below, operation: 'model_download' }));
    yield* runOnHive('model_download', hive, this.#parts)(input, { ...context, setDownstream });
  }

  /** An unreachable hive may come back or not: a request that can be served elsewhere does not wait for it. */
  async #abortWhenUnreachable(unreachable: AbortController, over: AbortSignal): Promise<void> {
    const { request, answer, failedHives } = this.#state;
    const { outline } = request;
    const hive_id = this.#hiveId;
    const watch = this.#parts.view.watch(hive_id);
    if (watch === undefined || outline.hive_id !== undefined || outline.worker_id !== undefined) return;
    for (;;) {
      await watch.downFor(this.#context.hasAnswered() ? UNREACHABLE_IN_ANSWER_MS : UNREACHABLE_MS, over);
      if (over.aborted || (this.#context.hasAnswered() && !answer.mayContinue)) return;
      const { state } = watch;
      const why = state.kind === 'up' ? 'was unreachable for too long' : state.why;
      const others = failedHives.copy();
      others.add(hive_id, why);
      // Asked again each time: a place that is busy now may be free soon.
      if (!this.#parts.dispatcher.couldRun(outline, others)) continue;
      return unreachable.abort(new JobError('hive_unreachable', `Hive '${hive_id}' ${why}`));
    }
  }
}
