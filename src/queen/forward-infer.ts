import { JobError, type ErrorCode, type HiveReport, type InputOf, type JobContext, type Run } from '../contract/index.ts';
import { narrate } from '../narration/index.ts';
import { AnswerSoFar } from './answer-so-far.ts';
import { forHiveOfFile } from './file-model.ts';
import { runOnHive } from './forward.ts';
import { leaseFor, type InferParts } from './lease-for.ts';
import type { Lease } from './placement/index.ts';

/** A request is given to so many places, one after the other, before its failure is told. */
const ATTEMPTS = 4;
/** Not heard for so long, a hive is lost to a request that it has not begun to answer, as long as another could take it. */
const LOST_MS = 1_000;
/** An answer that has begun is waited for longer: where its hive comes back, nothing of it is lost. */
const LOST_IN_ANSWER_MS = 5_000;
/** A hive looks at its machine anew when its workers change: that takes a moment. */
const NEWS_WITHIN_MS = 2_000;

/** Runs a request where placement finds room for it, and somewhere else when that is lost. */
export function forwardInfer(parts: InferParts): Run<'infer'> {
  return async function* (given, context) {
    const input = forHiveOfFile(given, parts.hives);
    const answer = new AnswerSoFar(input);
    const avoid = new Map<string, string>();
    const behind = new Set<string>();
    const order = parts.dispatcher.turn();
    let failure: unknown;
    for (let attempt = 1; ; attempt += 1) {
      const lease = await leaseFor(input, { avoid, context, parts, failure, order });
      const attemptOf = new Attempt(parts, { input, answer, avoid, behind, lease });
      try {
        const output = yield* attemptOf.run(context);
        lease.release({ worker_id: output.worker_id, tokens_per_s: output.timings.tokens_per_s });
        return answer.whole(output);
      } catch (cause) {
        lease.release({ error: cause });
        context.signal.throwIfAborted();
        if (attempt === ATTEMPTS) throw cause;
        if (!(await attemptOf.isOutOfDate(cause, context.signal))) {
          if (!attemptOf.mayGoElsewhere(cause)) throw cause;
          attemptOf.sayElsewhere(cause as JobError);
        }
        failure = cause;
      } finally {
        lease.release();
      }
    }
  };
}

interface Request {
  input: InputOf<'infer'>;
  answer: AnswerSoFar;
  /** Hives that have failed it, and how. */
  avoid: Map<string, string>;
  /** Those whose word of their room was older than what they had. A second time it is not age. */
  behind: Set<string>;
  lease: Lease;
}

/** One place that a request is given to. */
class Attempt {
  readonly #parts: InferParts;
  readonly #request: Request;
  readonly #hiveId: string;
  /** By which the place was chosen. */
  readonly #report: HiveReport | undefined;

  constructor(parts: InferParts, request: Request) {
    this.#parts = parts;
    this.#request = request;
    this.#hiveId = request.lease.hive_id;
    this.#report = parts.view.watch(this.#hiveId)?.report;
  }

  async *run(context: JobContext): ReturnType<Run<'infer'>> {
    const { answer, lease } = this.#request;
    const given = new AbortController();
    const over = new AbortController();
    const signal = AbortSignal.any([context.signal, given.signal]);
    const emit: JobContext['emit'] = (event) => {
      answer.take(event);
      context.emit(event);
    };
    void this.#giveUpWhenLost(given, over.signal);
    try {
      yield* this.#fetchModel({ ...context, signal });
      const input = { ...answer.next(), ...lease.patch };
      const hive = this.#parts.hives.get(this.#hiveId);
      return yield* runOnHive('infer', hive, this.#parts)(input, { ...context, signal, emit });
    } finally {
      over.abort();
    }
  }

  /** Before an answer, anybody else may give it; after its first token, only who goes on from there. */
  mayGoElsewhere(cause: unknown): boolean {
    const { input, answer } = this.#request;
    if (!(cause instanceof JobError) || input.worker_id !== undefined) return false;
    if (input.hive_id !== undefined && isOfHive(cause)) return false;
    if (answer.isBegun) return answer.mayContinue && LOSSES.has(cause.code);
    return LOSSES.has(cause.code) || STARTS.has(cause.code);
  }

  /** Somebody else took the room meanwhile: the hive tells so in a moment, and then it is decided anew. */
  async isOutOfDate(cause: unknown, signal: AbortSignal): Promise<boolean> {
    const { behind } = this.#request;
    if (!(cause instanceof JobError) || cause.code !== 'no_room' || behind.has(this.#hiveId)) return false;
    behind.add(this.#hiveId);
    const watch = this.#parts.view.watch(this.#hiveId);
    return (await watch?.toldSince(this.#report, NEWS_WITHIN_MS, signal)) ?? false;
  }

  sayElsewhere(cause: JobError): void {
    const { answer, avoid } = this.#request;
    if (isOfHive(cause)) avoid.set(this.#hiveId, `has failed this request: ${cause.message}`);
    const what = answer.isBegun ? 'another worker goes on with the answer from here' : 'giving it to another';
    narrate('elsewhere', `hive '${this.#hiveId}' lost the request (${cause.message}); ${what}`);
  }

  /** The model comes to the hive first, where placement says so. */
  async *#fetchModel(context: JobContext): AsyncGenerator<never, void, void> {
    const { placement } = this.#request.lease;
    if (placement.kind !== 'download') return;
    const { model, source, sha256 } = placement.origin;
    const hive = this.#parts.hives.get(this.#hiveId);
    const input = { hive_id: hive.hive_id, model: source, name: model, ...(sha256 === undefined ? {} : { sha256 }) };
    const fetched = runOnHive('model_download', hive, this.#parts)(input, context);
    for (let step = await fetched.next(); !step.done; step = await fetched.next()) context.emit(step.value);
  }

  /** A hive that is not heard any more may come back, or not: nobody waits for that who could be served elsewhere. */
  async #giveUpWhenLost(given: AbortController, over: AbortSignal): Promise<void> {
    const { input, answer, avoid } = this.#request;
    const hive_id = this.#hiveId;
    const watch = this.#parts.view.watch(hive_id);
    if (watch === undefined || input.hive_id !== undefined || input.worker_id !== undefined) return;
    for (;;) {
      await watch.lost(answer.isBegun ? LOST_IN_ANSWER_MS : LOST_MS, over);
      if (over.aborted || (answer.isBegun && !answer.mayContinue)) return;
      const { state } = watch;
      const why = state.kind === 'up' ? 'was lost for a while' : state.why;
      // Who could not take it now may be free in a moment.
      if (!this.#parts.dispatcher.couldRun(input, new Map([...avoid, [hive_id, why]]))) continue;
      return given.abort(new JobError('hive_unreachable', `Hive '${hive_id}' ${why}`));
    }
  }
}

/** What the worker or the hive was lost to. */
const LOSSES: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'hive_unreachable',
  'hive_bad_response',
  'hive_not_found',
  'hive_not_installed',
  'ssh_unreachable',
  'ssh_host_key',
  'ssh_denied',
  'ssh_failed',
  'worker_died',
  'worker_unreachable',
  'worker_bad_response',
  'worker_not_found',
  'interrupted',
  'shutting_down',
]);

/** What keeps a model from being loaded there, and may not elsewhere. */
const STARTS: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'no_room',
  'worker_start_failed',
  'model_corrupt',
  'model_too_large',
  'device_not_found',
  'download_failed',
  'disk_full',
  'daemon_start_failed',
  'port_taken',
  'version_mismatch',
  'deadline_exceeded',
]);

const OF_WORKER: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'worker_died',
  'worker_unreachable',
  'worker_bad_response',
  'worker_not_found',
  'interrupted',
]);

/** Then another worker of the same hive would fail too. */
function isOfHive({ code }: JobError): boolean {
  return !OF_WORKER.has(code);
}
