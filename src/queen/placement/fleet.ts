import type { HiveReport, Worker } from '../../contract/index.ts';

/** The current state of one hive. */
export interface HiveView {
  hive_id: string;
  /** asleep: a local hive that does not run, and is started when a request needs it. out: cannot be used now, see `why`. */
  state: 'up' | 'asleep' | 'out';
  /** Completes "hive 'attic' …", such as 'cannot be reached: connection refused' or 'is being updated'; only for 'out'. */
  why: string | undefined;
  /** It was stopped on purpose. */
  isStopped?: boolean | undefined;
  /** Its machine and models as last reported; undefined before the first report. */
  report: HiveReport | undefined;
  workers: readonly WorkerView[];
}

export interface WorkerView extends Worker {
  /** Unfinished requests that this queen has sent there: newer than what the worker has reported. */
  assigned: number;
}

export interface Fleet {
  hives: readonly HiveView[];
}
