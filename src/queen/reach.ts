import { JobError, type Hive } from '../contract/index.ts';
import { probe, type Presence } from '../daemon/index.ts';
import type { Peer } from '../jobs/index.ts';
import type { LocalHive } from './local-hive.ts';

const PROBE_DEADLINE_MS = 1_000;

export interface ReachOptions {
  localHive: LocalHive;
  /** What hives that are called directly ask for. */
  token: string | undefined;
}

/** The ways to the hives: one that is ours to start is started, one behind a tunnel gets its tunnel. */
export class Reach {
  readonly #options: ReachOptions;

  constructor(options: ReachOptions) {
    this.#options = options;
  }

  peerOf({ hive_id, host, port }: Hive): Peer {
    return { role: 'hive', name: hive_id, host, port, token: this.#options.token };
  }

  /** For a job that needs the hive now. @throws JobError what keeps it from being reached, or from being started */
  async ensure(hive: Hive, signal: AbortSignal): Promise<void> {
    if (hive.transport === 'local') await this.#options.localHive.ensureRunning(hive, signal);
  }

  /** To be called when a call to it has failed: the next job looks again. */
  distrust(hive: Hive, how?: { wasSilent: boolean }): void {
    if (hive.transport === 'local') this.#options.localHive.distrust(how);
  }

  /** @returns whether there was one to stop */
  async stop(hive: Hive): Promise<boolean> {
    if (hive.transport === 'local') return this.#options.localHive.stop();
    throw new JobError('invalid_input', `Hive '${hive.hive_id}' is called directly, and stopped on its own machine: rbee down`);
  }

  /** Whether it is there now, without starting anything. */
  async probe(hive: Hive): Promise<Presence> {
    const { host, port, token } = this.peerOf(hive);
    return probe(host, port, { withinMs: PROBE_DEADLINE_MS, ...(token === undefined ? {} : { token }) });
  }
}
