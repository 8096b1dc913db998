import { JobError, type ErrorCode, type Hive, type InputOf, type JobContext, type Run } from '../contract/index.ts';
import { raceAbort } from '../jobs/index.ts';
import { narrate } from '../narration/index.ts';
import { AnswerSoFar } from './answer-so-far.ts';
import { runOnHive, type ForwardParts } from './forward.ts';
import type { Dispatcher, Lease } from './placement/index.ts';

export interface InferParts extends ForwardParts {
  dispatcher: Dispatcher;
}

/** A request is given to so many places, one after the other, before its failure is told. */
const ATTEMPTS = 4;
/** Not heard for so long, a hive is lost to a request that it has not begun to answer, as long as another could take it. */
const LOST_MS = 1_000;
/** A queen that has just started hears from most hives within this. Whoever could not be served then waits for the others. */
const FIRST_GLANCE_MS = 500;
const FIRST_WORDS_MS = 5_000;
/** An answer that has begun is waited for longer: where its hive comes back, nothing of it is lost. */
const LOST_IN_ANSWER_MS = 5_000;
/** A request that only a lost hive could take is as patient with it as a stream is. */
const BACK_WITHIN_MS = 30_000;

/** Runs a request where placement finds room for it, and somewhere else when that is lost. */
export function forwardInfer(parts: InferParts): Run<'infer'> {
  return async function* (input, context) {
    const answer = new AnswerSoFar(input);
    const avoid = new Map<string, string>();
    let failure: unknown;
    for (let attempt = 1; ; attempt += 1) {
      const lease = await leaseFor(input, { avoid, context, parts, failure });
      const attemptOf = new Attempt({ ...parts, attempt }, { input, answer, avoid, lease });
      try {
        const output = yield* attemptOf.run(context);
        lease.release({ worker_id: output.worker_id, tokens_per_s: output.timings.tokens_per_s });
        return answer.whole(output);
      } catch (cause) {
        lease.release({ error: cause });
        context.signal.throwIfAborted();
        if (attempt === ATTEMPTS || !attemptOf.mayGoElsewhere(cause)) throw cause;
        failure = cause;
        attemptOf.sayElsewhere(cause as JobError);
      } finally {
        lease.release();
      }
    }
  };
}

interface Asking {
  avoid: Map<string, string>;
  context: JobContext;
  parts: InferParts;
  /** What it was lost to before. */
  failure: unknown;
}

async function leaseFor(input: InputOf<'infer'>, { avoid, context, parts, failure }: Asking): Promise<Lease> {
  const { dispatcher, gates, view } = parts;
  const { signal } = context;
  if (view.isStarting) await raceAbort(view.started(FIRST_GLANCE_MS), signal);
  for (;;) {
    try {
      if (input.hive_id !== undefined) await reachNamed(input.hive_id, parts, signal);
      const lease = await dispatcher.lease(input, { signal, avoid, onWait: () => context.parks(input) });
      const why = gates.whyClosed(lease.hive_id);
      if (why === undefined || !dispatcher.couldRun(input, new Map([...avoid, [lease.hive_id, why]]))) return lease;
      lease.release();
      avoid.set(lease.hive_id, why);
    } catch (cause) {
      signal.throwIfAborted();
      if (view.isStarting) {
        await raceAbort(view.started(FIRST_WORDS_MS), signal);
        continue;
      }
      const opened = gates.opened();
      if (opened === undefined && (await isBack(input, { cause, parts, signal }))) continue;
      // That nothing else could take it says less than what it was lost to.
      if (opened === undefined) throw failure ?? cause;
      narrate('hive_wait', 'a hive that could take it is being updated; waiting for it');
      await raceAbort(opened, signal);
    }
  }
}

/** A hive that the request insists on is tried, whatever is known of it: the failure of that says most. */
async function reachNamed(hiveId: string, { hives, reach, view }: InferParts, signal: AbortSignal): Promise<void> {
  const watch = view.watch(hiveId);
  if (watch === undefined || watch.state.kind !== 'out') return;
  await reach.ensure(hives.get(hiveId), signal);
  // The entry may have changed with it.
  await raceAbort(view.watch(hiveId)?.settled() ?? Promise.resolve(), signal);
}

interface Refused {
  cause: unknown;
  parts: InferParts;
  signal: AbortSignal;
}

/** Whether something may have changed, after a wait for hives that could take the request and were lost a moment ago. */
async function isBack(input: InputOf<'infer'>, { cause, parts, signal }: Refused): Promise<boolean> {
  if (cause instanceof JobError && FOR_PEOPLE.has(cause.code)) return false;
  const lost = parts.view.lostWithin(BACK_WITHIN_MS).filter(({ hive, report }) => {
    if (parts.hives.find(hive.hive_id)?.stopped === true) return false;
    if (input.hive_id !== undefined) return input.hive_id === hive.hive_id;
    return input.worker_id !== undefined || report?.models.some(({ model }) => model === input.model) === true;
  });
  if (lost.length === 0) return false;
  narrate('hive_wait', `hive '${lost[0]?.hive.hive_id}' was lost a moment ago; waiting for it`);
  await Promise.race(lost.map((watch) => watch.back(BACK_WITHIN_MS - watch.lostForMs, signal)));
  return true;
}

interface Request {
  input: InputOf<'infer'>;
  answer: AnswerSoFar;
  /** Hives that have failed it, and how. */
  avoid: Map<string, string>;
  lease: Lease;
}

/** One place that a request is given to. */
class Attempt {
  readonly #parts: InferParts;
  readonly #request: Request;
  readonly #hive: Hive;

  constructor(parts: InferParts, request: Request) {
    this.#parts = parts;
    this.#request = request;
    this.#hive = parts.hives.get(request.lease.hive_id);
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
      return yield* runOnHive('infer', this.#hive, this.#parts)(input, { ...context, signal, emit });
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

  sayElsewhere(cause: JobError): void {
    const { answer, avoid } = this.#request;
    const { hive_id } = this.#hive;
    if (isOfHive(cause)) avoid.set(hive_id, `has failed this request: ${cause.message}`);
    const what = answer.isBegun ? 'another worker goes on with the answer from here' : 'giving it to another';
    narrate('elsewhere', `hive '${hive_id}' lost the request (${cause.message}); ${what}`);
  }

  /** The model comes to the hive first, where placement says so. */
  async *#fetchModel(context: JobContext): AsyncGenerator<never, void, void> {
    const { placement } = this.#request.lease;
    if (placement.kind !== 'download') return;
    const { model, source, sha256 } = placement.origin;
    const input = { hive_id: this.#hive.hive_id, model: source, name: model, ...(sha256 === undefined ? {} : { sha256 }) };
    const fetched = runOnHive('model_download', this.#hive, this.#parts)(input, context);
    for (let step = await fetched.next(); !step.done; step = await fetched.next()) context.emit(step.value);
  }

  /** A hive that is not heard any more may come back, or not: nobody waits for that who could be served elsewhere. */
  async #giveUpWhenLost(given: AbortController, over: AbortSignal): Promise<void> {
    const { input, answer, avoid } = this.#request;
    const { hive_id } = this.#hive;
    const watch = this.#parts.view.watch(hive_id);
    if (watch === undefined || input.hive_id !== undefined || input.worker_id !== undefined) return;
    await watch.lost(LOST_MS, over);
    if (answer.isBegun) {
      if (!answer.mayContinue) return;
      await watch.lost(LOST_IN_ANSWER_MS, over);
    }
    const { state } = watch;
    const why = state.kind === 'up' ? 'was lost for a while' : state.why;
    if (over.aborted || !this.#parts.dispatcher.couldRun(input, new Map([...avoid, [hive_id, why]]))) return;
    given.abort(new JobError('hive_unreachable', `Hive '${hive_id}' ${why}`));
  }
}

/** What the worker or the hive was lost to. */
const LOSSES: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'hive_unreachable',
  'hive_bad_response',
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
  'version_mismatch',
  'deadline_exceeded',
]);

/** Nothing of this mends itself. */
const FOR_PEOPLE: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'ssh_host_key',
  'ssh_denied',
  'hive_not_installed',
  'hive_not_found',
  'version_mismatch',
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
