import type { Hive } from '../../contract/index.ts';
import type { HomePaths } from '../../daemon/index.ts';
import type { HiveSite, SshShells } from '../../machines/index.ts';
import { log } from '../../narration/index.ts';
import type { HiveCatalog } from './hive-catalog.ts';
import type { HiveTokens } from './hive-tokens.ts';
import { occupied, type Wanted } from './occupied.ts';
import { RemoteHive } from './remote-hive.ts';
import type { StartLocks } from './start-locks.ts';

export interface RemoteHivesOptions {
  hives: HiveCatalog;
  tokens: HiveTokens;
  shells: SshShells;
  paths: HomePaths;
  locks: StartLocks;
  /** Called when a probe or a start has found that it runs. */
  onRunning: (hiveId: string) => void;
}

/** The hives that were installed over SSH, each with a tunnel, which is opened when it is needed and replaced when its machine changes. */
export class RemoteHives {
  readonly #options: RemoteHivesOptions;
  readonly #remotes = new Map<string, RemoteHive>();

  constructor(options: RemoteHivesOptions) {
    this.#options = options;
  }

  /**
   * As it is registered now: the caller may have its entry from before a change.
   * @throws JobError hive_not_found for one that was removed: its tunnel would never be closed
   */
  of({ hive_id }: Hive): RemoteHive {
    const hive = this.#options.hives.get(hive_id);
    const known = this.#remotes.get(hive.hive_id);
    if (known !== undefined && isSame(known.hive, hive)) return known;
    if (known !== undefined) this.#end(known);
    const { hives, tokens, shells, locks, onRunning } = this.#options;
    const remote = new RemoteHive(hive, {
      site: (signal) => this.site({ hiveId: hive.hive_id, ssh: hive.ssh ?? { host: hive.hive_id } }, signal),
      openTunnel: (target, options) => shells.tunnel(target, options),
      token: tokens.of(hive.hive_id),
      locks,
      isStopped: () => hives.find(hive.hive_id)?.stopped === true,
      onRunning: (port) => {
        const now = hives.find(hive.hive_id);
        if (now !== undefined && (now.stopped === true || now.port !== port))
          hives.change(hive.hive_id, { port, stopped: false });
        onRunning(hive.hive_id);
      },
    });
    this.#remotes.set(hive.hive_id, remote);
    return remote;
  }

  /**
   * For an installer: while it has the lock, the hive is neither started nor stopped by another. A start that is under way is waited for.
   * @returns releases the lock
   * @throws the signal's reason
   */
  lock(hiveId: string, signal: AbortSignal): Promise<() => void> {
    return this.#options.locks.lock(hiveId, signal, async () => this.#remotes.get(hiveId)?.settled());
  }

  /** It was started on this port of its machine. */
  runsAt(hiveId: string, port: number): void {
    this.#remotes.get(hiveId)?.runsAt(port);
  }

  site(wanted: Wanted, signal: AbortSignal): HiveSite {
    const { shells, paths, hives } = this.#options;
    return {
      shell: shells.of(wanted.ssh),
      signal,
      fleet: paths.homeId,
      hiveId: wanted.hiveId,
      occupied: (by) => occupied(by, wanted, { hives, signal }),
    };
  }

  /** To be called with the hives that are registered: closes the tunnels of all others. */
  keep(hives: readonly Hive[]): void {
    const ids = new Set(hives.map(({ hive_id }) => hive_id));
    for (const [id, remote] of this.#remotes) {
      if (ids.has(id)) continue;
      this.#remotes.delete(id);
      this.#end(remote);
    }
  }

  async close(): Promise<void> {
    await Promise.all([...this.#remotes.values()].map((remote) => remote.close()));
    this.#remotes.clear();
  }

  #end(remote: RemoteHive): void {
    remote
      .close()
      .catch((cause: unknown) => log.warn({ err: cause }, `the tunnel to hive '${remote.hive.hive_id}' was not closed`));
  }
}

/** Whether both are reached in the same way. */
function isSame(one: Hive, other: Hive): boolean {
  const of = ({ ssh, transport, host, version, created_at }: Hive) => JSON.stringify([ssh, transport, host, version, created_at]);
  return of(one) === of(other);
}
