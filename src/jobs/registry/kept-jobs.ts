import { JobError, type Actor } from '../../contract/index.ts';
import { adoptLogs } from './adopt-logs.ts';
import type { Catalog, Collection } from '../catalog/catalog.ts';
import type { EventLog } from '../log/event-log.ts';
import type { Logger } from './execute.ts';
import type { JobEvents } from './job-events.ts';
import { restoreEvents } from './restore.ts';
import type { SetAside } from '../log/set-aside.ts';
import type { StoredJob } from './stored-job.ts';

interface Keeping {
  actor: Actor;
  log: EventLog;
  catalog: Catalog;
  logger: Logger;
  /** Where damaged logs are kept. */
  aside?: SetAside | undefined;
}

/** The jobs on disk, of which records and logs may be lost or damaged. */
export class KeptJobs {
  readonly #options: Keeping;
  readonly #records: Collection<StoredJob>;
  /** Losses of the catalog at the last search through the logs. */
  #adoptedAfter = 0;

  /** Logs whose records are lost get new ones. */
  constructor(options: Keeping, records: Collection<StoredJob>) {
    this.#options = options;
    this.#records = records;
    if (options.catalog.losses > 0 || options.log.jobIds().length > records.count()) this.#adoptLogs();
  }

  /** @throws JobError job_not_found */
  recordOf(jobId: string): StoredJob {
    let record = this.#records.get(jobId);
    if (record === undefined && this.#options.catalog.losses > this.#adoptedAfter) {
      this.#adoptLogs();
      record = this.#records.get(jobId);
    }
    if (record === undefined) throw new JobError('job_not_found', `Job '${jobId}' not found`);
    return record;
  }

  /** The events of an ended job, for one more reader. @throws JobError job_not_found */
  restore(jobId: string): JobEvents {
    return restoreEvents(this.recordOf(jobId), { log: this.#options.log, damaged: (record) => this.setAside(record) });
  }

  /** Sets a damaged log aside, once for each job: what the user has deleted does not come back with the next reader. */
  setAside(record: StoredJob): void {
    const { aside, log, logger } = this.#options;
    if (record.is_damaged || aside === undefined) return;
    record.is_damaged = true;
    try {
      // First: on a full disk this fails, and otherwise each later reader would set the log aside once more.
      this.#records.put(record.job_id, record);
      log.setAside(record.job_id, aside);
      aside.report(
        `The log of job '${record.job_id}' is damaged: the events after the damage are lost, and its readers get job_damaged`,
      );
    } catch (cause) {
      logger.error({ err: cause, job_id: record.job_id }, 'a damaged log could not be set aside');
    }
  }

  #adoptLogs(): void {
    this.#adoptedAfter = this.#options.catalog.losses;
    adoptLogs(this.#options, this.#records);
  }
}
