import * as z from 'zod';
import { hiveHealth, hiveReport, presenceComplete, workerGone, workerReport } from './entities.ts';

/**
 * The fleet as the queen sees it (GET /v1/presence of the queen, a line of JSON each): first all of it, then each change.
 * A hive's state starts its part over: its former report and workers no longer count. Of a running hive they follow.
 */
export const hiveStateLine = hiveHealth.extend({ kind: z.literal('hive_state'), host: z.string(), port: z.int() });
/** A hive that is no longer registered. */
export const hiveGone = z.object({ kind: z.literal('hive_gone'), hive_id: hiveHealth.shape.hive_id });
/** Worker ids are unique within one hive. */
export const fleetWorkerGone = workerGone.extend({ hive_id: hiveHealth.shape.hive_id });

export const fleetLine = z.discriminatedUnion('kind', [
  hiveStateLine,
  hiveReport,
  workerReport,
  fleetWorkerGone,
  hiveGone,
  presenceComplete,
]);
export type FleetLine = z.output<typeof fleetLine>;
