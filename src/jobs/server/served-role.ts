import type { FastifyInstance } from 'fastify';
import type { DownstreamJob, Handlers } from '../../contract/index.ts';
import type { Peer } from '../client/peer.ts';
import type { Resume } from '../registry/recover-job.ts';

/** What makes a daemon the role that it is; the rest of its life is the same for all. */
export interface ServedRole {
  handlers: Handlers;
  /** Where the jobs that its jobs drive are served. */
  findPeer: (below: DownstreamJob) => Peer;
  /** Goes on with a job that a former process was relaying or had waiting; without it, such jobs end as interrupted. */
  resume?: Resume;
  addRoutes?: (app: FastifyInstance) => void;
  /** Before the port answers. */
  prepare?: () => Promise<void>;
  /** After the port answers, before the daemon says that it is ready; with what there is to tell about it by then. */
  start?: () => Promise<Record<string, unknown>>;
  /** After its jobs have ended. */
  stop?: () => Promise<void>;
}
