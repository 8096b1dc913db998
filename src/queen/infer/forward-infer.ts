import { setTimeout as delay } from 'node:timers/promises';
import {
  JobError,
  KILLS_LIMIT,
  requestKilledWorker,
  saysWorkerKilled,
  type HiveReport,
  type JobContext,
  type JobEvent,
  type OutputOf,
  type Run,
} from '../../contract/index.ts';
import { narrate } from '../../narration/index.ts';
import { AnswerSoFar } from './answer-so-far.ts';
import { hasPeerEnded, isOfHive, mayComeBack, mayRunElsewhere } from './failures.ts';
import { forHiveOfFile } from './file-model.ts';
import { runOnHive } from '../forward.ts';
import { HeldRequest, type Outline } from './held-request.ts';
import { reservePlace, type InferParts } from './reserve.ts';
import type { FailedHives, Reservation } from '../placement/index.ts';

/** A request is given to so many places, one after the other, before its failure is told. */
const ATTEMPTS = 4;
/** What only waited where it was lost is tried for so long, however often that happens: nothing speaks against it. */
const PATIENCE_MS = 5 * 60_000;
const PAUSE_MS = { first: 100, most: 5_000 };
/** Not heard for so long, a hive is lost to a request that it has not begun to answer, as long as another could take it. */
const LOST_MS = 1_000;
/** An answer that has begun is waited for longer: where its hive comes back, nothing of it is lost. */
const LOST_IN_ANSWER_MS = 5_000;
/** A hive looks at its machine anew when its workers change: that takes a moment. */
const NEWS_WITHIN_MS = 2_000;

type Answer = AsyncGenerator<JobEvent, OutputOf<'infer'>, void>;

/** Runs a request where placement finds room for it, and somewhere else when that is lost. */
export function forwardInfer(parts: InferParts): Run<'infer'> {
  // Not a generator itself: that would hold the input to its end.
  return (input, context) => answerSomewhere(HeldRequest.of(input, context), context, parts);
}

/** The same for a request that a former process of this queen had parked. */
export function inferAgain(parts: InferParts): (outline: object, context: JobContext) => Answer {
  return (outline, context) => answerSomewhere(new HeldRequest(outline as Outline, context), context, parts);
}

async function* answerSomewhere(request: HeldRequest, context: JobContext, parts: InferParts): Answer {
  request.outline = forHiveOfFile(request.outline, parts.hives);
  const tries: Tries = {
    request,
    answer: new AnswerSoFar(request),
    failedHives: parts.dispatcher.noFailedHives(),
    staleHives: new Set(),
    losses: new Losses(),
  };
  const ticket = parts.dispatcher.takeTicket();
  let failure: unknown;
  for (let attempt = 1; ; attempt += 1) {
    const reservation = await reservePlace(request, { failedHives: tries.failedHives, context, parts, failure, ticket });
    const attemptOf = new Attempt(parts, tries, reservation);
    try {
      const output = yield* attemptOf.run(context);
      reservation.release({ worker_id: output.worker_id, tokens_per_s: output.timings.tokens_per_s });
      return tries.answer.whole(output);
    } catch (cause) {
      reservation.release({ error: cause });
      context.signal.throwIfAborted();
      if (request.isGone) throw cause;
      if (attemptOf.hasKilled && context.kills() >= KILLS_LIMIT) throw asKiller(cause);
      if (attemptOf.onlyWaited(cause) && tries.losses.mayRepeat()) attempt -= 1;
      else if (attempt === ATTEMPTS) throw cause;
      if (!(await attemptOf.isOutOfDate(cause, context.signal))) {
        if (!attemptOf.mayGoElsewhere(cause)) throw cause;
        attemptOf.goElsewhere(cause as JobError);
      }
      failure = cause;
    } finally {
      reservation.release();
    }
    if (tries.losses.pauseMs > 0) {
      request.park();
      await delay(tries.losses.pauseMs, undefined, { signal: context.signal });
    }
  }
}

/** The hive says so itself, unless it was lost in the meantime. */
function asKiller(cause: unknown): unknown {
  if (!(cause instanceof JobError) || cause.code === 'request_killed_worker') return cause;
  return requestKilledWorker(cause.message, cause);
}

/** How often a request was lost where it only waited, and for how long that has gone on. */
class Losses {
  #sinceMs: number | undefined;
  #pauseMs = 0;

  /** Before the next try; the first follows at once. */
  get pauseMs(): number {
    return this.#pauseMs;
  }

  mayRepeat(): boolean {
    const now = performance.now();
    this.#pauseMs = this.#sinceMs === undefined ? 0 : Math.min(PAUSE_MS.most, this.#pauseMs * 2 || PAUSE_MS.first);
    this.#sinceMs ??= now;
    return now - this.#sinceMs < PATIENCE_MS;
  }
}

/** What is known of a request from its tries. */
interface Tries {
  request: HeldRequest;
  answer: AnswerSoFar;
  /** Hives that have failed it, and how. */
  failedHives: FailedHives;
  /** Those whose word of their room was older than what they had. A second time it is not age. */
  staleHives: Set<string>;
  losses: Losses;
}

/** One place that a request is given to. */
class Attempt {
  readonly #parts: InferParts;
  readonly #tries: Tries;
  readonly #reservation: Reservation;
  readonly #hiveId: string;
  /** By which the place was chosen. */
  readonly #report: HiveReport | undefined;
  /** Whether a worker has begun with it. */
  #hasBegun = false;
  #hasKilled = false;

  constructor(parts: InferParts, tries: Tries, reservation: Reservation) {
    this.#parts = parts;
    this.#tries = tries;
    this.#reservation = reservation;
    this.#hiveId = reservation.hive_id;
    this.#report = parts.view.watch(this.#hiveId)?.report;
  }

  /** Whether a worker ended while it computed the request. */
  get hasKilled(): boolean {
    return this.#hasKilled;
  }

  async *run(context: JobContext): Answer {
    const { answer, request } = this.#tries;
    const given = new AbortController();
    const over = new AbortController();
    const signal = AbortSignal.any([context.signal, given.signal]);
    const emit: JobContext['emit'] = (event) => {
      answer.take(event);
      this.#take(event, context);
      context.emit(event);
    };
    void this.#giveUpWhenLost(given, over.signal);
    try {
      yield* this.#fetchModel({ ...context, signal });
      const input = { ...answer.next(), ...this.#reservation.patch };
      const hive = this.#parts.hives.get(this.#hiveId);
      const onWait = () => void request.keepOnDisk();
      return yield* runOnHive('infer', hive, { ...this.#parts, onWait })(input, { ...context, signal, emit });
    } finally {
      over.abort();
    }
  }

  #take(event: JobEvent, context: JobContext): void {
    if (event.kind === 'token') this.#hasBegun = true;
    if (event.kind !== 'narration') return;
    if (event.data.actor === 'llm-worker-rbee') this.#hasBegun = true;
    if (!saysWorkerKilled(event)) return;
    this.#hasKilled = true;
    context.killedWorker();
  }

  /** Whether it was lost to the end of a process, or of the way to it, before anything was computed for it. */
  onlyWaited(cause: unknown): boolean {
    return !this.#hasBegun && !this.#hasKilled && cause instanceof JobError && hasPeerEnded(cause);
  }

  /** Before an answer, anybody else may give it; after its first token, only who goes on from there. */
  mayGoElsewhere(cause: unknown): boolean {
    const { request, answer } = this.#tries;
    const { worker_id, hive_id } = request.outline;
    if (!(cause instanceof JobError) || worker_id !== undefined) return false;
    if (hive_id !== undefined && isOfHive(cause)) return cause.retryable && this.onlyWaited(cause);
    return mayRunElsewhere(cause) && (!answer.isBegun || answer.mayContinue);
  }

  /** Somebody else took the room meanwhile: the hive tells so in a moment, and then it is decided anew. */
  async isOutOfDate(cause: unknown, signal: AbortSignal): Promise<boolean> {
    const { staleHives } = this.#tries;
    if (!(cause instanceof JobError) || cause.code !== 'no_room' || staleHives.has(this.#hiveId)) return false;
    staleHives.add(this.#hiveId);
    const watch = this.#parts.view.watch(this.#hiveId);
    return (await watch?.reportedSince(this.#report, NEWS_WITHIN_MS, signal)) ?? false;
  }

  /** What could run nowhere else is not said to: then its failure is told, or its hive is waited for, and each is said where it happens. */
  goElsewhere(cause: JobError): void {
    const { answer, failedHives, request } = this.#tries;
    const others = failedHives.copy();
    if (isOfHive(cause)) others.add(this.#hiveId, `has failed this request: ${cause.message}`, cause);
    const isOpen = this.#parts.dispatcher.couldRun(request.outline, others);
    // A hive that may be back in a moment is not left out where there is no other.
    if (isOfHive(cause) && (isOpen || !mayComeBack(cause)))
      failedHives.add(this.#hiveId, `has failed this request: ${cause.message}`, cause);
    if (!isOpen) return;
    const what = answer.isBegun ? 'another worker goes on with the answer from here' : 'giving it to another';
    narrate('elsewhere', `hive '${this.#hiveId}' lost the request (${cause.message}); ${what}`);
  }

  /** The model comes to the hive first, where placement says so. */
  async *#fetchModel(context: JobContext): AsyncGenerator<never, void, void> {
    const { placement } = this.#reservation;
    if (placement.kind !== 'download') return;
    const { model, source, sha256 } = placement.origin;
    const hive = this.#parts.hives.get(this.#hiveId);
    const input = { hive_id: hive.hive_id, model: source, name: model, ...(sha256 === undefined ? {} : { sha256 }) };
    const fetched = runOnHive('model_download', hive, this.#parts)(input, context);
    for (let step = await fetched.next(); !step.done; step = await fetched.next()) context.emit(step.value);
  }

  /** A hive that is not heard any more may come back, or not: nobody waits for that who could be served elsewhere. */
  async #giveUpWhenLost(given: AbortController, over: AbortSignal): Promise<void> {
    const { request, answer, failedHives } = this.#tries;
    const { outline } = request;
    const hive_id = this.#hiveId;
    const watch = this.#parts.view.watch(hive_id);
    if (watch === undefined || outline.hive_id !== undefined || outline.worker_id !== undefined) return;
    for (;;) {
      await watch.downFor(answer.isBegun ? LOST_IN_ANSWER_MS : LOST_MS, over);
      if (over.aborted || (answer.isBegun && !answer.mayContinue)) return;
      const { state } = watch;
      const why = state.kind === 'up' ? 'was lost for a while' : state.why;
      // Who could not take it now may be free in a moment.
      const others = failedHives.copy();
      others.add(hive_id, why);
      if (!this.#parts.dispatcher.couldRun(outline, others)) continue;
      return given.abort(new JobError('hive_unreachable', `Hive '${hive_id}' ${why}`));
    }
  }
}
