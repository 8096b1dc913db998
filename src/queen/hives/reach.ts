import type { Hive } from '../../contract/index.ts';
import type { Probe } from '../../daemon/index.ts';
import type { Peer } from '../../jobs/index.ts';
import type { HiveAccess, Staleness } from './hive-access.ts';
import { isInstalled, type HiveCatalog } from './hive-catalog.ts';
import type { LocalHive } from './local-hive.ts';
import type { RemoteHives } from './remote-hives.ts';
import type { StartLocks } from './start-locks.ts';
import { UnmanagedHive } from './unmanaged-hive.ts';

export interface ReachOptions {
  hives: HiveCatalog;
  localHive: LocalHive;
  remotes: RemoteHives;
  locks: StartLocks;
  /** Shared with the hives that are registered by their address. */
  token: string | undefined;
}

/** The access to every hive, whatever its transport. */
export class Reach {
  readonly #options: ReachOptions;

  constructor(options: ReachOptions) {
    this.#options = options;
  }

  /** @throws JobError ssh_unreachable for a hive behind SSH that has not been reached yet */
  peerOf(hive: Hive): Peer {
    return this.#access(hive).peer;
  }

  /** For a job that needs the hive now. @throws JobError why it cannot be reached or started */
  async ensure(hive: Hive, signal: AbortSignal): Promise<void> {
    await (await this.#unlocked(hive, signal)).ensureRunning(signal);
  }

  /** For the queen's subscription: starts no local hive, and no other that was stopped. @throws JobError why it is not called now */
  async connect(hive: Hive, signal: AbortSignal): Promise<Peer> {
    const access = await this.#unlocked(hive, signal);
    await access.maintain(signal);
    return access.peer;
  }

  /** To be called when a call to it has failed: the next job looks again. */
  markStale(hive: Hive, how?: Staleness): void {
    const isForgotten = this.#options.hives.find(hive.hive_id) === undefined;
    if (!isForgotten) this.#access(hive).markStale(how);
  }

  /** @returns whether there was a hive to stop */
  async stop(hive: Hive, signal: AbortSignal): Promise<boolean> {
    return this.#access(hive).stop(signal);
  }

  /** Whether it answers now; starts nothing. The hive need not be registered. */
  async probe(hive: Hive): Promise<Probe> {
    return this.#access(hive).probe();
  }

  /** An installer may change where the hive is: its access is looked up afterwards. */
  async #unlocked(hive: Hive, signal: AbortSignal): Promise<HiveAccess> {
    return this.#options.locks.whenFree(hive.hive_id, signal, () => this.#access(hive));
  }

  #access(hive: Hive): HiveAccess {
    const { localHive, remotes, token } = this.#options;
    if (isInstalled(hive)) return remotes.of(hive);
    return hive.transport === 'local' ? localHive : new UnmanagedHive(hive, token);
  }
}
