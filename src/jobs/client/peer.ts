import type { Role } from '../../contract/index.ts';
import type { Trust } from '../../proof/index.ts';

/** A daemon that serves jobs, as its clients in Node address it. */
export interface Peer {
  role: Role;
  /** The hive's or worker's id; 'queen' for the queen. */
  name: string;
  host: string;
  port: number;
  /** Proved on each connection before anything is sent. Left out where the two sides share no secret. */
  trust?: Trust | undefined;
}
