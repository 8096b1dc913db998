import { setTimeout as delay } from 'node:timers/promises';
import { JobError } from '../../contract/index.ts';
import { raceAbort } from '../../jobs/index.ts';
import { narrate } from '../../narration/index.ts';
import type { ForwardParts } from '../forward.ts';

/** A hive that exits while it is being started is started again, for this long. */
const PATIENCE_MS = 30_000;
const PAUSE_MS = 250;
/** After this, the client learns what the request waits for. */
const SILENT_MS = 500;

/**
 * Starts a hive that is asleep, and waits until it has reported its state.
 * @throws JobError why it cannot be started; the signal's reason
 */
export async function wakeHive(
  hiveId: string,
  { hives, reach, view }: Pick<ForwardParts, 'hives' | 'reach' | 'view'>,
  signal: AbortSignal,
): Promise<void> {
  const until = performance.now() + PATIENCE_MS;
  for (;;) {
    const hive = hives.get(hiveId);
    // It is not connected, so that what was known of it is stale.
    reach.markStale(hive);
    const failure = await wakeOnce(hive, { reach, view }, signal);
    if (view.watch(hiveId)?.state.kind !== 'asleep') return;
    if (performance.now() > until) {
      if (failure !== undefined) throw failure;
      return;
    }
    await delay(PAUSE_MS, undefined, { signal });
  }
}

/** @returns a failure that may pass */
async function wakeOnce(
  hive: Parameters<ForwardParts['reach']['ensure']>[0],
  { reach, view }: Pick<ForwardParts, 'reach' | 'view'>,
  signal: AbortSignal,
): Promise<JobError | undefined> {
  let slow: NodeJS.Timeout | undefined;
  try {
    await reach.ensure(hive, signal);
    slow = setTimeout(() => {
      narrate('hive_wait', `waiting for hive '${hive.hive_id}' to report its devices and models`);
    }, SILENT_MS);
    await raceAbort(view.watch(hive.hive_id)?.settled() ?? Promise.resolve(), signal);
    return undefined;
  } catch (cause) {
    signal.throwIfAborted();
    if (cause instanceof JobError && cause.retryable) return cause;
    throw cause;
  } finally {
    clearTimeout(slow);
  }
}
