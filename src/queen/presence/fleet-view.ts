import type { Hive } from '../../contract/index.ts';
import type { Fleet, HiveView } from '../placement/fleet.ts';
import { HiveWatch, type WatchOptions } from './hive-watch.ts';

/** What the queen hears from all her hives. Memory only: after a restart she hears it anew, all of it, within a moment. */
export class FleetView {
  readonly #options: WatchOptions;
  readonly #watches = new Map<string, HiveWatch>();
  /** Hives that take no work for the time being, and why. */
  readonly #held = new Map<string, string>();

  constructor(options: WatchOptions) {
    this.#options = options;
  }

  /** To be called with the hives that are registered, whenever one has come, gone or changed its address. */
  follow(hives: readonly Hive[]): void {
    const byId = new Map(hives.map((hive) => [hive.hive_id, hive]));
    for (const [id, watch] of this.#watches) {
      const hive = byId.get(id);
      if (hive !== undefined && addressOf(hive) === addressOf(watch.hive)) continue;
      watch.close();
      this.#watches.delete(id);
    }
    for (const hive of hives) {
      if (!this.#watches.has(hive.hive_id)) this.#watches.set(hive.hive_id, new HiveWatch(hive, this.#options));
    }
    this.#options.onChange();
  }

  watch(hiveId: string): HiveWatch | undefined {
    return this.#watches.get(hiveId);
  }

  /** Keeps new work from a hive, until `release`. */
  hold(hiveId: string, why: string): { release: () => void } {
    this.#held.set(hiveId, why);
    this.#options.onChange();
    return {
      release: () => {
        this.#held.delete(hiveId);
        this.#options.onChange();
      },
    };
  }

  fleet(): Fleet {
    return { hives: [...this.#watches.values()].map((watch) => this.#view(watch)) };
  }

  /** Resolves when every hive that is not up has been tried once more. */
  async settled(): Promise<void> {
    await Promise.all([...this.#watches.values()].map((watch) => watch.settled()));
  }

  close(): void {
    for (const watch of this.#watches.values()) watch.close();
    this.#watches.clear();
  }

  #view({ hive, state, report, workers }: HiveWatch): HiveView {
    const held = this.#held.get(hive.hive_id);
    const why = held ?? (state.kind === 'out' ? state.why : undefined);
    return {
      hive_id: hive.hive_id,
      state: held === undefined ? state.kind : 'out',
      why,
      report,
      workers: [...workers].map((worker) => ({ ...worker, assigned: 0 })),
    };
  }
}

/** What a connection depends on; the rest of a hive's entry may change without a new one. */
function addressOf({ transport, host, port, ssh, version, created_at }: Hive): string {
  return JSON.stringify([transport, host, port, ssh, version, created_at]);
}
