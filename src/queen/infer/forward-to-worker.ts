import { setTimeout as delay } from 'node:timers/promises';
import {
  JobError,
  KILLS_LIMIT,
  requestKilledWorker,
  type JobContext,
  type Run,
  type WorkerOperation,
} from '../../contract/index.ts';
import { AnswerSoFar } from './answer-so-far.ts';
import { Attempt, type Answer, type RequestState } from './attempt.ts';
import { forHiveOfFile } from './file-model.ts';
import { HeldRequest, type Outline } from './held-request.ts';
import { reservePlace, type InferParts } from './reserve.ts';

/** Places at which a request is tried, one after another. */
const PLACES_LIMIT = 4;
/** A request that only waited at places that failed is not at fault: such attempts are not counted for this long. */
const PATIENCE_MS = 5 * 60_000;
const PAUSE_MS = { first: 100, most: 5_000 };

/*
 * The states of a request in the queen. `kept` says what is held for it: its outline in memory, the request itself on disk or in memory.
 *
 * | state     | kept             | next                                                                                              |
 * |-----------|------------------|---------------------------------------------------------------------------------------------------|
 * | waiting   | outline; on disk | reserved: placement has a place · failed: refused for every place                                 |
 * | reserved  | in memory        | forwarded: the hive accepted the job, after a download if the model is not there · waiting        |
 * | forwarded | in memory        | answering: first token · waiting: the place failed, another may serve it · failed                 |
 * | answering | text so far      | completed · waiting: the worker failed, and `continue_elsewhere` is set · failed                  |
 *
 * A reservation is released when the attempt ends. The ticket stays, so that a request that returns to `waiting` keeps its turn. It leaves
 * for good as completed, failed, or cancelled. It is failed by an error that every place would repeat, by the second worker that exits
 * while computing it, and after PLACES_LIMIT counted attempts.
 */

/** Runs a request where placement finds a place, and elsewhere when that place fails. */
export function forwardToWorker<K extends WorkerOperation>(operation: K, parts: InferParts): Run<K> {
  // Not a generator itself: that would keep the input in memory to its end.
  return (input, context) => runSomewhere(HeldRequest.of(operation, input, context), context, parts) as ReturnType<Run<K>>;
}

/** The same for a request that was waiting when the queen was stopped. */
export function placeAgain(operation: WorkerOperation, parts: InferParts): (outline: object, context: JobContext) => Answer {
  return (outline, context) => runSomewhere(new HeldRequest(operation, outline as Outline, { context }), context, parts);
}

async function* runSomewhere(request: HeldRequest, context: JobContext, parts: InferParts): Answer {
  request.outline = forHiveOfFile(request.outline, parts.hives);
  const failedHives = parts.dispatcher.noFailedHives();
  const state: RequestState = { request, answer: new AnswerSoFar(request), failedHives, staleHives: new Set() };
  const patience = new Patience();
  const ticket = parts.dispatcher.takeTicket();
  let failure: unknown;
  for (let places = 1; ; places += 1) {
    const reservation = await reservePlace(request, { failedHives, context, parts, failure, ticket });
    const attempt = new Attempt(reservation, state, { parts, context });
    try {
      const output = yield* attempt.run();
      reservation.release({
        worker_id: output.worker_id,
        ...('timings' in output ? { tokens_per_s: output.timings.tokens_per_s } : {}),
      });
      return state.answer.whole(output);
    } catch (cause) {
      reservation.release({ error: cause });
      context.signal.throwIfAborted();
      if (request.isGone) throw cause;
      if (attempt.hasKilled && context.kills() >= KILLS_LIMIT) throw asKiller(cause);
      if (attempt.onlyWaited(cause) && patience.mayRepeat()) places -= 1;
      else if (places === PLACES_LIMIT) throw cause;
      if (!(await attempt.isStale(cause))) {
        if (!attempt.mayMove(cause)) throw cause;
        attempt.moveOn(cause);
      }
      failure = cause;
    } finally {
      reservation.release();
    }
    if (patience.pauseMs > 0) {
      request.park();
      await delay(patience.pauseMs, undefined, { signal: context.signal });
    }
  }
}

/** The hive reports it itself, unless the connection to it broke meanwhile. */
function asKiller(cause: unknown): unknown {
  if (!(cause instanceof JobError) || cause.code === 'request_killed_worker') return cause;
  return requestKilledWorker(cause.message, cause);
}

/** For attempts that are not counted. */
class Patience {
  #sinceMs: number | undefined;
  #pauseMs = 0;

  /** Before the next attempt; the first one follows at once. */
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
