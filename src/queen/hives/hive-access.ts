import type { Probe } from '../../daemon/index.ts';
import type { Peer } from '../../jobs/index.ts';

/** How one hive is called and, where that is the queen's part, started and stopped. */
export interface HiveAccess {
  /** @throws JobError ssh_unreachable for a hive behind SSH that has not been reached yet */
  readonly peer: Peer;

  /**
   * For a job that needs the hive now. A hive that the queen manages runs afterwards; any other is only called.
   * @throws JobError why it cannot be reached or started; the signal's reason
   */
  ensureRunning(signal: AbortSignal): Promise<void>;

  /**
   * In the background, before the queen subscribes to the hive: restores the way to it and restarts it, unless it is meant to stay as it is.
   * @throws JobError why it is not called now; the signal's reason
   */
  maintain(signal: AbortSignal): Promise<void>;

  /** Whether it answers now. Starts nothing, and never fails: a missing way to its machine is `absent`, with the reason. */
  probe(): Promise<Probe>;

  /** @returns whether there was a hive to stop @throws JobError invalid_input for a hive that only its own machine can stop */
  stop(signal: AbortSignal): Promise<boolean>;

  /** A call to it has failed: the next job looks again whether it runs. */
  markStale(how?: Staleness): void;
}

export interface Staleness {
  /** It has missed its pings: it is frozen and not only busy. */
  wasSilent: boolean;
}
