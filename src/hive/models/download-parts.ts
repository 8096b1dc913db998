import type { DownloadRoom } from './download-room.ts';
import type { RunningPulls } from './hub/running-pulls.ts';
import type { Patience } from './limits.ts';
import type { Shelf } from './shelf.ts';
import type { RequestGate } from './web/request-gate.ts';
import type { Writers } from './writers.ts';

/** What all downloads of a hive share. */
export interface DownloadParts {
  hiveId: string;
  shelf: Shelf;
  writers: Writers;
  disk: DownloadRoom;
  patience: Patience;
  gate: RequestGate;
  pulls: RunningPulls;
  /** Memory of the largest device here; undefined when it is not known. */
  largestDeviceBytes: () => Promise<number | undefined>;
}
