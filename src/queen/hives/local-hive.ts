import { JobError, LOCALHOST, type Hive } from '../../contract/index.ts';
import {
  isAlive,
  listPidfiles,
  ofThisHome,
  probe,
  readPidfile,
  removePidfile,
  requireHome,
  signalThatEndedStart,
  startDaemon,
  stopProcess,
  type HomePaths,
  type Presence,
} from '../../daemon/index.ts';
import { raceAbort } from '../../jobs/index.ts';
import { narrate } from '../../narration/index.ts';

const PROBE_DEADLINE_MS = 1_000;
const FROZEN_PROBES = 3;
const START_DEADLINE_MS = 20_000;
/** Its workers end first, each with a grace of its own. */
const STOP_GRACE_MS = 15_000;

export interface LocalHiveOptions {
  paths: HomePaths;
  /** Told after each start. */
  onStarted: (hive: Hive) => void;
}

/** The hive on this machine, which the queen starts when somebody needs it. */
export class LocalHive {
  readonly #options: LocalHiveOptions;
  /** Seen running, and nothing has been wrong since: a hive under load is not asked again before every job. */
  #isKnown = false;
  /** It has missed its pings: it is frozen, and not only busy. */
  #wasSilent = false;
  #checking: Promise<void> | undefined;

  constructor(options: LocalHiveOptions) {
    this.#options = options;
  }

  /** If this hive is ours to start, it runs afterwards; others are only called. Many requests at once look, and start, once. */
  async ensureRunning(hive: Hive, signal: AbortSignal): Promise<void> {
    if (hive.transport !== 'local' || this.#isKnown) return;
    this.#checking ??= this.#check(hive).finally(() => {
      this.#checking = undefined;
    });
    await raceAbort(this.#checking, signal);
  }

  /** To be called when a call to it has failed: the next request looks again. One that has been silent is given one more chance. */
  distrust(how: { wasSilent: boolean } = { wasSilent: false }): void {
    this.#isKnown = false;
    this.#wasSilent = how.wasSilent;
  }

  async #probe(hive: Hive): Promise<Presence> {
    return probe(hive.host, hive.port, { withinMs: PROBE_DEADLINE_MS, trust: ofThisHome(this.#options.paths) });
  }

  /** @returns whether there was one to stop */
  async stop(): Promise<boolean> {
    this.#isKnown = false;
    const read = await readPidfile(this.#options.paths.run, 'hive');
    if (read.kind !== 'found' || !(await isAlive(read.pidfile))) return false;
    narrate('hive_stop', 'stopping local hive and its workers');
    await stopProcess(read.pidfile, { graceMs: STOP_GRACE_MS });
    await this.#stopLeftWorkers();
    narrate('hive_stop', 'local hive stopped');
    return true;
  }

  /** A hive that had to be killed could not stop them itself. */
  async #stopLeftWorkers(): Promise<void> {
    const { run } = this.#options.paths;
    for (const read of await listPidfiles(run)) {
      if (read.kind !== 'found' || read.pidfile.role !== 'worker' || !(await isAlive(read.pidfile))) continue;
      await stopProcess(read.pidfile, { graceMs: PROBE_DEADLINE_MS });
      await removePidfile(run, read.pidfile);
    }
  }

  async #check(hive: Hive): Promise<void> {
    const presence = await this.#probePatiently(hive);
    if (presence.kind === 'ours') this.#requireOurs(hive, presence);
    else await this.#start(hive, presence);
    this.#isKnown = true;
  }

  /** A hive with much to do may be late once; one that is late again and again is frozen. */
  async #probePatiently(hive: Hive): Promise<Presence> {
    let presence = await this.#probe(hive);
    const probes = this.#wasSilent ? 1 : FROZEN_PROBES;
    for (let tries = 1; presence.kind === 'frozen' && tries < probes; tries += 1) presence = await this.#probe(hive);
    return presence;
  }

  async #start(hive: Hive, presence: Presence): Promise<void> {
    if (presence.kind === 'stranger') throw await this.#foreign(hive, `a program that ${presence.what}`);
    if (presence.kind === 'unproven')
      throw await this.#foreign(
        hive,
        `a program that answers as a ${presence.health.role} and does not prove that it is of this rbee`,
      );
    if (presence.kind === 'frozen') await this.#endFrozen(hive);
    const { paths } = this.#options;
    await requireHome(paths.run);
    narrate('hive_start', 'local hive is asleep, starting it');
    await startDaemon({
      name: 'hive',
      args: ['hive', 'run', '--id', LOCALHOST, '--port', String(hive.port)],
      logFile: paths.logFile('hive'),
      readyWithinMs: START_DEADLINE_MS,
    }).catch((cause: unknown) => {
      const by = signalThatEndedStart(cause);
      if (by === undefined) throw cause;
      throw new JobError('hive_unreachable', `The local hive was ended by ${by} while it was starting`, { cause });
    });
    narrate('hive_start', 'local hive started');
    this.#options.onStarted(hive);
  }

  /** A frozen hive is never worse than an absent one. */
  async #endFrozen(hive: Hive): Promise<void> {
    const read = await readPidfile(this.#options.paths.run, 'hive');
    if (read.kind !== 'found' || !(await isAlive(read.pidfile))) throw portTaken(hive, 'a program that does not answer');
    narrate('hive_start', 'local hive does not answer, ending it');
    // Killed and not asked: a hive that shuts down in good order takes its workers along.
    await stopProcess(read.pidfile, { graceMs: 0 });
  }

  /** What proves nothing may still be the hive of this home, of an older version. */
  async #foreign(hive: Hive, by: string): Promise<JobError> {
    const read = await readPidfile(this.#options.paths.run, 'hive');
    const isOwn = read.kind === 'found' && read.pidfile.port === hive.port && (await isAlive(read.pidfile));
    if (isOwn) requireVersion(read.pidfile);
    return portTaken(hive, by);
  }

  #requireOurs(hive: Hive, { health }: Extract<Presence, { kind: 'ours' }>): void {
    if (health.role !== 'hive') throw portTaken(hive, `a ${health.role} of this rbee`);
    requireVersion(health);
  }
}

function requireVersion({ version }: { version: string }): void {
  if (version === __RBEE_VERSION__) return;
  throw new JobError('version_mismatch', `The local hive runs rbee ${version}, the queen ${__RBEE_VERSION__}`);
}

function portTaken({ port }: Hive, by: string): JobError {
  return new JobError('port_taken', `Port ${port}, the local hive's, is taken by ${by}. Set RBEE_HIVE_PORT to another`);
}
