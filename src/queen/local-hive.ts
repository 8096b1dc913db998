import { JobError, LOCALHOST, type Hive } from '../contract/index.ts';
import { isAlive, probe, readPidfile, startDaemon, stopProcess, type HomePaths, type Presence } from '../daemon/index.ts';
import { narrate } from '../narration/index.ts';

const PROBE_DEADLINE_MS = 1_000;
const START_DEADLINE_MS = 20_000;
/** Its workers end first, each with a grace of its own. */
const STOP_GRACE_MS = 15_000;

export interface LocalHiveOptions {
  paths: HomePaths;
  /** Where the hive's workers report to. */
  queenUrl: string;
  token: string | undefined;
}

/** The hive on this machine, which the queen starts when somebody needs it. */
export class LocalHive {
  readonly #options: LocalHiveOptions;
  #starting: Promise<void> | undefined;

  constructor(options: LocalHiveOptions) {
    this.#options = options;
  }

  /** Whether this hive is ours to start: then it is awake and well afterwards. Others are only called. */
  async ensureRunning(hive: Hive): Promise<void> {
    if (!hive.managed) return;
    const presence = await this.probe(hive);
    if (presence.kind === 'ours') return this.#requireOurs(hive, presence);
    await this.#startOnce(hive, presence);
  }

  async probe(hive: Hive): Promise<Presence> {
    const { token } = this.#options;
    return probe(hive.host, hive.port, { withinMs: PROBE_DEADLINE_MS, ...(token === undefined ? {} : { token }) });
  }

  /** @returns whether there was one to stop */
  async stop(): Promise<boolean> {
    const read = await readPidfile(this.#options.paths.run, 'hive');
    if (read.kind !== 'found' || !(await isAlive(read.pidfile))) return false;
    narrate('hive_stop', 'stopping local hive and its workers');
    await stopProcess(read.pidfile, { graceMs: STOP_GRACE_MS });
    narrate('hive_stop', 'local hive stopped');
    return true;
  }

  /** Two requests at once start it once. */
  async #startOnce(hive: Hive, presence: Presence): Promise<void> {
    this.#starting ??= this.#start(hive, presence).finally(() => {
      this.#starting = undefined;
    });
    await this.#starting;
  }

  async #start(hive: Hive, presence: Presence): Promise<void> {
    if (presence.kind === 'stranger') throw portTaken(hive, `a program that ${presence.what}`);
    if (presence.kind === 'frozen') await this.#endFrozen(hive);
    const { paths, queenUrl } = this.#options;
    narrate('hive_start', 'local hive is asleep, starting it');
    await startDaemon({
      name: 'hive',
      args: ['hive', 'run', '--id', LOCALHOST, '--port', String(hive.port), '--queen', queenUrl],
      logFile: paths.logFile('hive'),
      readyWithinMs: START_DEADLINE_MS,
    });
    narrate('hive_start', 'local hive started');
  }

  /** A frozen hive is never worse than an absent one. */
  async #endFrozen(hive: Hive): Promise<void> {
    const read = await readPidfile(this.#options.paths.run, 'hive');
    if (read.kind !== 'found' || !(await isAlive(read.pidfile))) throw portTaken(hive, 'a program that does not answer');
    narrate('hive_start', 'local hive does not answer, ending it');
    await stopProcess(read.pidfile, { graceMs: PROBE_DEADLINE_MS });
  }

  #requireOurs(hive: Hive, { health }: Extract<Presence, { kind: 'ours' }>): void {
    if (health.role !== 'hive' || health.home !== this.#options.paths.homeId) {
      throw portTaken(hive, `a ${health.role} of another rbee`);
    }
    if (health.version !== __RBEE_VERSION__) {
      throw new JobError('version_mismatch', `The local hive runs rbee ${health.version}, the queen ${__RBEE_VERSION__}`);
    }
  }
}

function portTaken({ port }: Hive, by: string): JobError {
  return new JobError('port_taken', `Port ${port}, the local hive's, is taken by ${by}. Set RBEE_HIVE_PORT to another`);
}
