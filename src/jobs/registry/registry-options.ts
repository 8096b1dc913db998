import type { Actor, Handlers } from '../../contract/index.ts';
import type { Catalog } from '../catalog/catalog.ts';
import type { EventLog } from '../log/event-log.ts';
import type { SetAside } from '../log/set-aside.ts';
import type { Room } from '../log/spill.ts';
import type { Logger } from './execute.ts';
import type { Kept } from './expiry.ts';
import type { Resume } from './recover-job.ts';

export interface RegistryOptions {
  actor: Actor;
  handlers: Handlers;
  log: EventLog;
  catalog: Catalog;
  logger: Logger;
  /** Ended jobs kept for replay. */
  kept: Kept;
  /** The disk that new jobs need space on; none where jobs are kept in memory. */
  room?: Room | undefined;
  /** Limit of the size of all requests whose jobs have not ended. Follows the heap by default, as does the next one. */
  inputsLimitBytes?: number;
  /** Limit of jobs that run at once. */
  runningLimit?: number;
  /** Continues a job that a previous process was relaying or had waiting; without it, such jobs end as interrupted. */
  resume?: Resume | undefined;
  /** Where damaged records and logs are kept. */
  aside?: SetAside | undefined;
}
