import type { Hive } from '../../contract/index.ts';
import type { HomePaths } from '../../daemon/index.ts';
import type { HiveSite, SshShells } from '../../machines/index.ts';
import { log } from '../../narration/index.ts';
import type { HiveCatalog } from './hive-catalog.ts';
import type { HiveTokens } from './hive-tokens.ts';
import { Holds } from './holds.ts';
import { occupied, type Wanted } from './occupied.ts';
import { RemoteHive } from './remote-hive.ts';

export interface RemoteHivesOptions {
  hives: HiveCatalog;
  tokens: HiveTokens;
  shells: SshShells;
  paths: HomePaths;
  /** Told when one was looked at and runs. */
  onRunning: (hiveId: string) => void;
}

/** The hives that were installed over SSH, each with its tunnel: made when it is needed, and anew when its machine is another. */
export class RemoteHives {
  readonly #options: RemoteHivesOptions;
  readonly #remotes = new Map<string, RemoteHive>();
  readonly #holds = new Holds();

  constructor(options: RemoteHivesOptions) {
    this.#options = options;
  }

  /**
   * As it is registered now: whoever asks may have its entry from before a change.
   * @throws JobError hive_not_found for one that was forgotten: there would be nobody to end its tunnel
   */
  of({ hive_id }: Hive): RemoteHive {
    const hive = this.#options.hives.get(hive_id);
    const known = this.#remotes.get(hive.hive_id);
    if (known !== undefined && isSame(known.hive, hive)) return known;
    if (known !== undefined) this.#end(known);
    const { hives, tokens, shells, onRunning } = this.#options;
    const remote = new RemoteHive(hive, {
      site: (signal) => this.site({ hiveId: hive.hive_id, ssh: hive.ssh ?? { host: hive.hive_id } }, signal),
      openTunnel: (target, options) => shells.tunnel(target, options),
      token: tokens.of(hive.hive_id),
      held: () => this.#holds.held(hive.hive_id),
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

  distrust({ hive_id }: Hive): void {
    this.#remotes.get(hive_id)?.distrust();
  }

  /**
   * While what is installed there is exchanged, or started, nobody else starts or ends anything. A start that has begun is waited for.
   * @returns to be called when that is over
   * @throws the signal's reason
   */
  hold(hiveId: string, signal: AbortSignal): Promise<() => void> {
    return this.#holds.hold(hiveId, signal, async () => this.#remotes.get(hiveId)?.settled());
  }

  /** Resolves when nobody holds it. @throws the signal's reason */
  free(hiveId: string, signal: AbortSignal): Promise<void> {
    return this.#holds.free(hiveId, signal);
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

  /** To be called with the hives that are registered: the tunnels of those that have gone are ended. */
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
    remote.close().catch((cause: unknown) => log.warn({ err: cause }, `the tunnel to '${remote.hive.hive_id}' was left`));
  }
}

/** What the way there depends on. */
function isSame(one: Hive, other: Hive): boolean {
  const of = ({ ssh, transport, host, version, created_at }: Hive) => JSON.stringify([ssh, transport, host, version, created_at]);
  return of(one) === of(other);
}
