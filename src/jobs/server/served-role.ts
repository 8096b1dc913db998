import type { DownstreamJob, Handlers } from '../../contract/index.ts';
import type { Peer } from '../client/peer.ts';
import type { Resume } from '../registry/recover-job.ts';
import type { RoleRoutes } from './role-routes.ts';

/** What makes a daemon the role that it is; the rest of its life is the same for all. */
export interface ServedRole {
  handlers: Handlers;
  /** The peer that serves a downstream job of this daemon's jobs. */
  findPeer: (below: DownstreamJob) => Peer;
  /** Continues a job that a previous process was relaying or had waiting; without it, such jobs end as interrupted. */
  resume?: Resume;
  addRoutes?: (routes: RoleRoutes) => void;
  /** Before the port answers. */
  prepare?: () => Promise<void>;
  /** After the port answers, before the daemon reports that it is ready. @returns what its readiness and its pidfile report beside the usual */
  start?: () => Promise<Record<string, unknown>>;
  /** After its jobs have ended. */
  stop?: () => Promise<void>;
}
