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

/** After its start, the queen has reports of most hives within this. A request that none of them can serve waits for the others. */
const FIRST_REPORTS_MS = 500;
const ALL_REPORTS_MS = 5_000;
/** How long a request waits for an unreachable hive that alone could serve it: as long as a stream does. */
const BACK_WITHIN_MS = 30_000;

interface ReserveOptions {
  failedHives: FailedHives;
  context: JobContext;
  parts: InferParts;
  /** Of the attempt before. */
  failure: unknown;
  /** From the dispatcher: its turn among all requests. */
  ticket: number;
}

/**
 * Reserves a place for a request. Waits for hives that became unreachable recently, or are being updated, when no other can serve it.
 * @throws JobError why no place can serve it; the signal's reason
 */
export async function reservePlace(request: HeldRequest, options: ReserveOptions): Promise<Reservation> {
  const { context, parts, failure } = options;
  const { gates, view } = parts;
  const { signal } = context;
  const { outline: input } = request;
  if (view.isStarting) {
    request.park();
    await raceAbort(view.started(FIRST_REPORTS_MS), signal);
  }
  for (;;) {
    try {
      if (input.hive_id !== undefined) await reachNamed(input.hive_id, request, { parts, signal });
      const file = await fileModel(input, parts, { signal, onWait: () => request.park() });
      return await reserveBesideGates(request, { ...options, file });
    } catch (cause) {
      signal.throwIfAborted();
      if (view.isStarting) {
        request.park();
        await raceAbort(view.started(ALL_REPORTS_MS), signal);
        continue;
      }
      const isFinal = !(cause instanceof JobError) || isForAnyHive(cause.code);
      const opened = isFinal ? undefined : gates.opened(input.hive_id);
      if (opened === undefined && (await waitedForHive(request, { cause, parts, signal }))) continue;
      // The failure of the attempt before says more than that no other place is left.
      if (opened === undefined) throw failure ?? cause;
      narrate('hive_wait', 'a hive that could serve the request is being updated; waiting for it');
      request.park();
      await raceAbort(opened, signal);
    }
  }
}

/** Prefers hives that are not being updated or removed. */
async function reserveBesideGates(
  request: HeldRequest,
  { failedHives, context, parts: { dispatcher, gates }, ticket, file }: ReserveOptions & { file: Model | undefined },
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

/** Connects to a hive that the request names, even if it was unreachable: the error of that try is the most recent one. */
async function reachNamed(
  hiveId: string,
  request: HeldRequest,
  { parts: { hives, reach, view }, signal }: Omit<Refusal, 'cause'>,
): Promise<void> {
  const watch = view.watch(hiveId);
  if (watch === undefined || watch.state.kind !== 'out') return;
  request.park();
  await reach.ensure(hives.get(hiveId), signal);
  // Connecting may have changed the hive's entry, and so its watch.
  await raceAbort(view.watch(hiveId)?.settled() ?? Promise.resolve(), signal);
}

interface Refusal {
  cause: unknown;
  parts: InferParts;
  signal: AbortSignal;
}

/**
 * Waits for hives that could serve the request and became unreachable recently.
 * @returns false when there is none: then nothing can have changed
 */
async function waitedForHive(request: HeldRequest, { cause, parts, signal }: Refusal): Promise<boolean> {
  const { outline: input } = request;
  // It is about the named hive.
  if (cause instanceof JobError && needsPerson(cause.code) && input.hive_id !== undefined) return false;
  const down = parts.view.downWithin(BACK_WITHIN_MS).filter(({ hive, report, state }) => {
    // One that needs a person does not come back by itself.
    if (parts.hives.find(hive.hive_id)?.stopped === true || (state.kind === 'out' && needsPerson(state.code))) return false;
    if (input.hive_id !== undefined) return input.hive_id === hive.hive_id;
    return input.worker_id !== undefined || report?.models.some(({ model }) => model === input.model) === true;
  });
  if (down.length === 0) return false;
  const longest = Math.max(...down.map(({ downForMs }) => BACK_WITHIN_MS - downForMs));
  const atMost = `for at most ${Math.max(1, Math.round(longest / 1000))} s`;
  narrate('hive_wait', `hive '${down[0]?.hive.hive_id}' is unreachable; waiting for it, ${atMost}`);
  request.park();
  await Promise.race(down.map((watch) => watch.back(BACK_WITHIN_MS - watch.downForMs, signal)));
  return true;
}
