import { JobError, type Hive } from '../../contract/index.ts';
import { byToken, ofThisHome, probe, type HomePaths, type Presence } from '../../daemon/index.ts';
import type { Peer } from '../../jobs/index.ts';
import { isInstalled } from './hive-catalog.ts';
import type { LocalHive } from './local-hive.ts';
import type { RemoteHive } from './remote-hive.ts';
import type { RemoteHives } from './remote-hives.ts';

const PROBE_DEADLINE_MS = 1_000;
/** For the look at a machine that must be logged in to first. */
const REMOTE_PROBE_DEADLINE_MS = 10_000;

export interface ReachOptions {
  localHive: LocalHive;
  remotes: RemoteHives;
  paths: HomePaths;
  /** What hives that are called directly know too. */
  token: string | undefined;
}

/** The ways to the hives: one that is ours to start is started, one behind SSH gets its tunnel first. */
export class Reach {
  readonly #options: ReachOptions;

  constructor(options: ReachOptions) {
    this.#options = options;
  }

  /** @throws JobError ssh_unreachable for a hive behind SSH that nobody has tried to reach yet */
  peerOf(hive: Hive): Peer {
    const { hive_id, host, port, transport } = hive;
    if (isInstalled(hive)) return this.#options.remotes.of(hive).peer;
    const { paths, token } = this.#options;
    return { role: 'hive', name: hive_id, host, port, trust: transport === 'local' ? ofThisHome(paths) : byToken(token) };
  }

  /** For a job that needs the hive now. @throws JobError what keeps it from being reached, or from being started */
  async ensure(hive: Hive, signal: AbortSignal): Promise<void> {
    if (hive.transport === 'local') await this.#options.localHive.ensureRunning(hive, signal);
    if (isInstalled(hive)) await (await this.#freeRemote(hive, signal)).ensureRunning(signal);
  }

  /** For the queen, who listens to all of them: wakes no local hive, and no other that is meant to sleep. */
  async connect(hive: Hive, signal: AbortSignal): Promise<Peer> {
    if (isInstalled(hive)) await (await this.#freeRemote(hive, signal)).ensurePatiently(signal);
    return this.peerOf(hive);
  }

  /** To be called when a call to it has failed: the next job looks again. */
  distrust(hive: Hive, how?: { wasSilent: boolean }): void {
    if (hive.transport === 'local') this.#options.localHive.distrust(how);
    if (isInstalled(hive)) this.#options.remotes.distrust(hive);
  }

  /** @returns whether there was one to stop */
  async stop(hive: Hive, signal: AbortSignal): Promise<boolean> {
    if (hive.transport === 'local') return this.#options.localHive.stop();
    if (isInstalled(hive)) return this.#options.remotes.of(hive).stop(signal);
    throw ofItsOwn(hive, 'stopped', 'rbee hive halt');
  }

  /** Whether it is there now, without starting anything. */
  async probe(hive: Hive): Promise<Presence> {
    if (isInstalled(hive)) return this.#probeRemote(hive);
    const { host, port, trust } = this.peerOf(hive);
    return probe(host, port, { withinMs: PROBE_DEADLINE_MS, trust });
  }

  async #freeRemote(hive: Hive, signal: AbortSignal): Promise<RemoteHive> {
    await this.#options.remotes.free(hive.hive_id, signal);
    return this.#options.remotes.of(hive);
  }

  async #probeRemote(hive: Hive): Promise<Presence> {
    try {
      return await this.#options.remotes.of(hive).probe(AbortSignal.timeout(REMOTE_PROBE_DEADLINE_MS));
    } catch (cause) {
      if (cause instanceof JobError) return { kind: 'absent', reason: cause.message };
      if (cause instanceof DOMException && cause.name === 'TimeoutError')
        return { kind: 'absent', reason: `no connection within ${REMOTE_PROBE_DEADLINE_MS / 1000} s` };
      throw cause;
    }
  }
}

/** Nobody but its machine can start or end what somebody started there. */
export function ofItsOwn({ hive_id, host, port }: Hive, what: 'started' | 'stopped', command: string): JobError {
  return new JobError(
    'invalid_input',
    `Hive '${hive_id}' is only called from here, at ${host}:${port}, and ${what} on its own machine: ${command}. To forget it here: rbee hive uninstall ${hive_id} --catalog-only`,
  );
}
