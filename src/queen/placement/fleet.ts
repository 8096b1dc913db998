import type { HiveReport, Worker } from '../../contract/index.ts';

/** What the queen knows of one hive at this moment. */
export interface HiveView {
  hive_id: string;
  /** asleep: a local hive that does not run, and is started when it is needed. out: cannot be used now, see why. */
  state: 'up' | 'asleep' | 'out';
  /** As the end of "hive 'attic' …", such as 'cannot be reached: connection refused' or 'is being updated'; for 'out' alone. */
  why: string | undefined;
  /** Out on purpose. */
  isStopped?: boolean | undefined;
  /** Its machine and models as last reported; undefined until then. */
  report: HiveReport | undefined;
  workers: readonly WorkerView[];
}

export interface WorkerView extends Worker {
  /** Requests that this queen has sent there and that have not ended: newer than what the worker itself has reported. */
  assigned: number;
}

export interface Fleet {
  hives: readonly HiveView[];
}
