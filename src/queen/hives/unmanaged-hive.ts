import { JobError, type Hive } from '../../contract/index.ts';
import { tokenTrust, probe, type Probe } from '../../daemon/index.ts';
import type { Peer } from '../../jobs/index.ts';
import type { HiveAccess } from './hive-access.ts';

const PROBE_DEADLINE_MS = 1_000;

/** A hive that is registered by its address alone: called directly, and started and stopped only on its own machine. */
export class UnmanagedHive implements HiveAccess {
  readonly peer: Peer;
  readonly #hive: Hive;

  /** @param token what queen and hive share; undefined where neither has one */
  constructor(hive: Hive, token: string | undefined) {
    const { hive_id, host, port } = hive;
    this.#hive = hive;
    this.peer = { role: 'hive', name: hive_id, host, port, trust: tokenTrust(token) };
  }

  async ensureRunning(): Promise<void> {
    // The call itself finds out.
  }

  async maintain(): Promise<void> {
    // The same.
  }

  async probe(): Promise<Probe> {
    const { host, port, trust } = this.peer;
    return probe(host, port, { withinMs: PROBE_DEADLINE_MS, trust });
  }

  async stop(): Promise<boolean> {
    throw onItsOwnMachine(this.#hive, 'stopped', 'rbee hive halt');
  }

  markStale(): void {
    // Nothing is remembered of it.
  }
}

export function onItsOwnMachine({ hive_id, host, port }: Hive, what: 'started' | 'stopped', command: string): JobError {
  return new JobError(
    'invalid_input',
    `Hive '${hive_id}' is only called from here, at ${host}:${port}, and ${what} on its own machine: ${command}. To forget it here: rbee hive uninstall ${hive_id} --catalog-only`,
  );
}
