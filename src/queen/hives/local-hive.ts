import { JobError, LOCALHOST } from '../../contract/index.ts';
import {
  isAlive,
  listPidfiles,
  homeTrust,
  probe,
  readPidfile,
  removePidfile,
  requireHome,
  signalThatEndedStart,
  startDaemon,
  stopProcess,
  type HomePaths,
  type Probe,
} from '../../daemon/index.ts';
import { raceAbort, type Peer } from '../../jobs/index.ts';
import { narrate } from '../../narration/index.ts';
import type { HiveAccess, Staleness } from './hive-access.ts';

const LOOPBACK = '127.0.0.1';
const PROBE_DEADLINE_MS = 1_000;
const FROZEN_PROBES = 3;
const START_DEADLINE_MS = 20_000;
/** Its workers stop first, each with a grace period of its own. */
const STOP_GRACE_MS = 15_000;

export interface LocalHiveOptions {
  paths: HomePaths;
  port: number;
  /** Called after each start. */
  onStarted: () => void;
}

/** The hive on this machine. The queen starts it when a job needs it, and never in the background. */
export class LocalHive implements HiveAccess {
  readonly peer: Peer;
  readonly #options: LocalHiveOptions;
  /** Seen running, and no call has failed since: a hive under load is not probed again before every job. */
  #isKnown = false;
  #wasSilent = false;
  #checking: Promise<void> | undefined;

  constructor(options: LocalHiveOptions) {
    this.#options = options;
    this.peer = { role: 'hive', name: LOCALHOST, host: LOOPBACK, port: options.port, trust: homeTrust(options.paths) };
  }

  /** Many requests at once probe it, and start it, once. */
  async ensureRunning(signal: AbortSignal): Promise<void> {
    if (this.#isKnown) return;
    this.#checking ??= this.#check().finally(() => {
      this.#checking = undefined;
    });
    await raceAbort(this.#checking, signal);
  }

  async maintain(): Promise<void> {
    // It stays asleep until a job needs it.
  }

  async probe(): Promise<Probe> {
    const { host, port, trust } = this.peer;
    return probe(host, port, { withinMs: PROBE_DEADLINE_MS, trust });
  }

  /** The next start gives a hive that was silent one more probe. */
  markStale({ wasSilent }: Staleness = { wasSilent: false }): void {
    this.#isKnown = false;
    this.#wasSilent = wasSilent;
  }

  async stop(): Promise<boolean> {
    this.#isKnown = false;
    const read = await readPidfile(this.#options.paths.run, 'hive');
    if (read.kind !== 'found' || !(await isAlive(read.pidfile))) return false;
    narrate('hive_stop', 'stopping local hive and its workers');
    await stopProcess(read.pidfile, { graceMs: STOP_GRACE_MS });
    await this.#stopOrphanedWorkers();
    narrate('hive_stop', 'local hive stopped');
    return true;
  }

  /** A hive that had to be killed could not stop them itself. */
  async #stopOrphanedWorkers(): Promise<void> {
    const { run } = this.#options.paths;
    for (const read of await listPidfiles(run)) {
      if (read.kind !== 'found' || read.pidfile.role !== 'worker' || !(await isAlive(read.pidfile))) continue;
      await stopProcess(read.pidfile, { graceMs: PROBE_DEADLINE_MS });
      await removePidfile(run, read.pidfile);
    }
  }

  async #check(): Promise<void> {
    const found = await this.#probePatiently();
    if (found.kind === 'rbee') this.#requireHive(found);
    else await this.#start(found);
    this.#isKnown = true;
  }

  /** A busy hive may be late once; one that is late repeatedly is frozen. */
  async #probePatiently(): Promise<Probe> {
    let found = await this.probe();
    const probes = this.#wasSilent ? 1 : FROZEN_PROBES;
    for (let tries = 1; found.kind === 'frozen' && tries < probes; tries += 1) found = await this.probe();
    return found;
  }

  async #start(found: Probe): Promise<void> {
    if (found.kind === 'stranger') throw await this.#notThisHive(`a program that ${found.what}`);
    if (found.kind === 'unproven')
      throw await this.#notThisHive(
        `a program that answers as a ${found.health.role} and does not prove that it is of this rbee`,
      );
    if (found.kind === 'frozen') await this.#killFrozen();
    const { paths, port, onStarted } = this.#options;
    await requireHome(paths.run);
    narrate('hive_start', 'local hive is asleep, starting it');
    await startDaemon({
      name: 'hive',
      args: ['hive', 'run', '--id', LOCALHOST, '--port', String(port)],
      logFile: paths.logFile('hive'),
      readyWithinMs: START_DEADLINE_MS,
    }).catch((cause: unknown) => {
      const by = signalThatEndedStart(cause);
      if (by === undefined) throw cause;
      throw new JobError('hive_unreachable', `The local hive was stopped by ${by} while it was starting`, { cause });
    });
    narrate('hive_start', 'local hive started');
    onStarted();
  }

  async #killFrozen(): Promise<void> {
    const read = await readPidfile(this.#options.paths.run, 'hive');
    if (read.kind !== 'found' || !(await isAlive(read.pidfile))) throw this.#portTaken('a program that does not answer');
    narrate('hive_start', 'local hive does not answer; stopping it');
    // Without a grace period: a hive that shuts down in good order takes its workers along.
    await stopProcess(read.pidfile, { graceMs: 0 });
  }

  /** A program that proves nothing may still be the hive of this home, of an older version. */
  async #notThisHive(by: string): Promise<JobError> {
    const read = await readPidfile(this.#options.paths.run, 'hive');
    const isThisHive = read.kind === 'found' && read.pidfile.port === this.#options.port && (await isAlive(read.pidfile));
    if (isThisHive) requireVersion(read.pidfile);
    return this.#portTaken(by);
  }

  #requireHive({ health }: Extract<Probe, { kind: 'rbee' }>): void {
    if (health.role !== 'hive') throw this.#portTaken(`a ${health.role} of this rbee`);
    requireVersion(health);
  }

  #portTaken(by: string): JobError {
    const { port } = this.#options;
    return new JobError('port_taken', `Port ${port}, the local hive's, is taken by ${by}`);
  }
}

function requireVersion({ version }: { version: string }): void {
  if (version === __RBEE_VERSION__) return;
  throw new JobError('version_mismatch', `The local hive runs rbee ${version}, the queen ${__RBEE_VERSION__}`);
}
