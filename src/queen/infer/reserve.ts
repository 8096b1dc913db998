import { JobError, needsPerson, type JobContext, type Model } from '../../contract/index.ts';
import { raceAbort } from '../../jobs/index.ts';
import { narrate } from '../../narration/index.ts';
import { isForAnyHive } from './failures.ts';
import { fileModel } from './file-model.ts';
import type { ForwardParts } from '../forward.ts';
import type { HeldRequest } from './held-request.ts';
import type { FailedHives, Dispatcher, Reservation } from '../placement/index.ts';

export interface InferParts extends ForwardParts {
  dispatcher: Dispatcher;
}

/** A queen that has just started hears from most hives within this. Whoever could not be served then waits for the others. */
const FIRST_GLANCE_MS = 500;
const FIRST_WORDS_MS = 5_000;
/** A request that only a lost hive could take is as patient with it as a stream is. */
const BACK_WITHIN_MS = 30_000;

interface Asking {
  failedHives: FailedHives;
  context: JobContext;
  parts: InferParts;
  /** What it was lost to before. */
  failure: unknown;
  /** Its turn, from the dispatcher. */
  ticket: number;
}

/**
 * A place for a request, or what keeps it from having one. Hives that were lost a moment ago, or are being exchanged, are waited for
 * where nobody else could take it.
 */
export async function reservePlace(request: HeldRequest, asking: Asking): Promise<Reservation> {
  const { context, parts, failure } = asking;
  const { gates, view } = parts;
  const { signal } = context;
  const { outline: input } = request;
  if (view.isStarting) {
    request.park();
    await raceAbort(view.started(FIRST_GLANCE_MS), signal);
  }
  for (;;) {
    try {
      if (input.hive_id !== undefined) await reachNamed(input.hive_id, request, { parts, signal });
      const file = await fileModel(input, parts, { signal, onWait: () => request.park() });
      return await reserveBesideGates(request, { ...asking, file });
    } catch (cause) {
      signal.throwIfAborted();
      if (view.isStarting) {
        request.park();
        await raceAbort(view.started(FIRST_WORDS_MS), signal);
        continue;
      }
      const isFinal = !(cause instanceof JobError) || isForAnyHive(cause.code);
      const opened = isFinal ? undefined : gates.opened(input.hive_id);
      if (opened === undefined && (await isBack(request, { cause, parts, signal }))) continue;
      // That nothing else could take it says less than what it was lost to.
      if (opened === undefined) throw failure ?? cause;
      narrate('hive_wait', 'a hive that could take it is being updated; waiting for it');
      request.park();
      await raceAbort(opened, signal);
    }
  }
}

/** A hive that is being exchanged is left out for now, as long as another one could take the request. */
async function reserveBesideGates(
  request: HeldRequest,
  { failedHives, context, parts: { dispatcher, gates }, ticket, file }: Asking & { file: Model | undefined },
): Promise<Reservation> {
  const { outline } = request;
  const without = failedHives.copy();
  for (;;) {
    const { signal } = context;
    const isAlone = context.kills() > 0;
    const onWait = () => request.park();
    const reservation = await dispatcher.reserve(outline, { signal, failedHives: without, ticket, isAlone, file, onWait });
    const why = gates.whyClosed(reservation.hive_id);
    if (why === undefined) return reservation;
    without.add(reservation.hive_id, why);
    if (!dispatcher.couldRun(outline, without)) return reservation;
    reservation.release();
  }
}

/** A hive that the request insists on is tried, whatever is known of it: the failure of that says most. */
async function reachNamed(
  hiveId: string,
  request: HeldRequest,
  { parts: { hives, reach, view }, signal }: Omit<Refused, 'cause'>,
): Promise<void> {
  const watch = view.watch(hiveId);
  if (watch === undefined || watch.state.kind !== 'out') return;
  request.park();
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
async function isBack(request: HeldRequest, { cause, parts, signal }: Refused): Promise<boolean> {
  const { outline: input } = request;
  if (cause instanceof JobError && needsPerson(cause.code) && input.hive_id !== undefined) return false;
  const lost = parts.view.downWithin(BACK_WITHIN_MS).filter(({ hive, report }) => {
    if (parts.hives.find(hive.hive_id)?.stopped === true) return false;
    if (input.hive_id !== undefined) return input.hive_id === hive.hive_id;
    return input.worker_id !== undefined || report?.models.some(({ model }) => model === input.model) === true;
  });
  if (lost.length === 0) return false;
  const longest = Math.max(...lost.map(({ downForMs }) => BACK_WITHIN_MS - downForMs));
  const atMost = `for at most ${Math.max(1, Math.round(longest / 1000))} s`;
  narrate('hive_wait', `hive '${lost[0]?.hive.hive_id}' was lost a moment ago; waiting for it, ${atMost}`);
  request.park();
  await Promise.race(lost.map((watch) => watch.back(BACK_WITHIN_MS - watch.downForMs, signal)));
  return true;
}
