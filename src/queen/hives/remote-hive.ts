import { JobError, LOOPBACK, scopeOf, type Hive, type SshTarget } from '../../contract/index.ts';
import { probe, type Probe } from '../../daemon/index.ts';
import { raceAbort, type Peer } from '../../jobs/index.ts';
import { startRemote, stopRemote, type HiveSite, type Tunnel, type TunnelOptions } from '../../machines/index.ts';
import { narrate } from '../../narration/index.ts';
import type { HiveAccess } from './hive-access.ts';
import type { StartLocks } from './start-locks.ts';

const PROBE_DEADLINE_MS = 3_000;
/** The same, with the login to its machine. */
const REACH_DEADLINE_MS = 10_000;
/** After a start that failed, the next one in the background follows no sooner. */
const START_PATIENCE_MS = 60_000;

export interface RemoteHiveOptions {
  site: (signal: AbortSignal) => HiveSite;
  openTunnel: (target: SshTarget, options: TunnelOptions) => Promise<Tunnel>;
  /** Shared with this hive alone. */
  token: string;
  locks: StartLocks;
  /** Whether it was stopped on purpose, and no job has needed it since. */
  isStopped: () => boolean;
  /** Called when it runs, with its port there. */
  onRunning: (port: number) => void;
}

/** A hive that was installed over SSH: called through its own tunnel or directly, and started over SSH when it does not run. */
export class RemoteHive implements HiveAccess {
  readonly hive: Hive;
  readonly #options: RemoteHiveOptions;
  #tunnel: Promise<Tunnel> | undefined;
  #localPort: number | undefined;
  #remotePort: number;
  /** Seen running, and no call has failed since. */
  #isKnown = false;
  #isClosed = false;
  #checking: Promise<void> | undefined;
  #failed: { at: number; error: unknown } | undefined;

  constructor(hive: Hive, options: RemoteHiveOptions) {
    this.hive = hive;
    this.#remotePort = hive.port;
    this.#options = options;
  }

  get peer(): Peer {
    const { hive_id, host } = this.hive;
    // It proves its own port, not the one of this end of the tunnel: a program there cannot pass the challenge on to the hive.
    const trust = { by: 'token', token: this.#options.token, port: this.#remotePort } as const;
    if (this.#isDirect) return { role: 'hive', name: hive_id, host, port: this.#remotePort, trust };
    if (this.#localPort === undefined) throw new JobError('ssh_unreachable', `Hive '${hive_id}' has not been reached yet`);
    return { role: 'hive', name: hive_id, host: LOOPBACK, port: this.#localPort, trust };
  }

  /** Many requests at once probe it, and start it, once. */
  async ensureRunning(signal: AbortSignal): Promise<void> {
    requireInstalled(this.hive);
    await this.#connect(signal);
    await this.#options.locks.whenFree(this.hive.hive_id, signal, async () => {
      if (this.#isKnown) return;
      this.#checking ??= this.#check().finally(() => {
        this.#checking = undefined;
      });
      await raceAbort(this.#checking, signal);
    });
  }

  /**
   * Restarts a hive that has exited, but not one that was stopped, nor repeatedly one that fails to start. A machine that denies the login
   * is left to the long pauses of its tunnel.
   */
  async maintain(signal: AbortSignal): Promise<void> {
    const { hive_id } = this.hive;
    if (this.#options.isStopped()) throw hiveStopped(hive_id);
    requireInstalled(this.hive);
    const { error, at } = this.#failed ?? { at: -Infinity };
    if (performance.now() - at < START_PATIENCE_MS) throw error;
    const state = this.#isDirect ? undefined : (await this.#opened(signal)).state;
    if (state?.kind === 'down' && state.error.code === 'ssh_denied') throw state.error;
    const { kind } = await this.#look(signal);
    // It may recover; a job that needs it now does not wait for that.
    if (kind === 'frozen') throw new JobError('hive_unreachable', `Hive '${hive_id}' accepts connections but does not answer`);
    if (kind !== 'rbee') this.markStale();
    await this.ensureRunning(signal);
  }

  /** Resolves when no start is under way, however it went. */
  async settled(): Promise<void> {
    await this.#checking?.catch(() => undefined);
  }

  markStale(): void {
    this.#isKnown = false;
  }

  /** An installer has started it, on this port. */
  runsAt(port: number): void {
    const isMoved = port !== this.#remotePort;
    this.#remotePort = port;
    // A tunnel that could not be opened is opened again, to this port.
    if (isMoved) void this.#tunnel?.then((tunnel) => tunnel.setRemotePort(port)).catch(() => undefined);
  }

  async probe(): Promise<Probe> {
    const late = AbortSignal.timeout(REACH_DEADLINE_MS);
    try {
      return await this.#look(late);
    } catch (cause) {
      if (cause instanceof JobError) return { kind: 'absent', reason: cause.message };
      if (late.aborted) return { kind: 'absent', reason: `no connection within ${REACH_DEADLINE_MS / 1000} s` };
      throw cause;
    }
  }

  async stop(signal: AbortSignal): Promise<boolean> {
    this.#isKnown = false;
    narrate('hive_stop', `stopping hive '${this.hive.hive_id}' and its workers`);
    return (await stopRemote(this.#options.site(signal))).stopped;
  }

  /** Closes the tunnel for good. The hive keeps running. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const tunnel = await this.#tunnel?.catch(() => undefined);
    this.#tunnel = undefined;
    await tunnel?.close();
  }

  get #isDirect(): boolean {
    return this.hive.transport === 'http';
  }

  /** @throws JobError why there is no way to its machine */
  async #look(signal: AbortSignal): Promise<Probe> {
    await this.#connect(signal);
    const { host, port, trust } = this.peer;
    return probe(host, port, { withinMs: PROBE_DEADLINE_MS, trust });
  }

  async #connect(signal: AbortSignal): Promise<void> {
    if (this.#isDirect) return this.#requireOpen();
    const tunnel = await this.#opened(signal);
    await tunnel.ready(signal);
  }

  async #opened(signal: AbortSignal): Promise<Tunnel> {
    this.#requireOpen();
    this.#tunnel ??= this.#open().catch((cause: unknown) => {
      this.#tunnel = undefined;
      throw cause;
    });
    return raceAbort(this.#tunnel, signal);
  }

  /** A start from before it was removed, or has moved, must not open a tunnel that would never be closed. */
  #requireOpen(): void {
    if (this.#isClosed) throw new JobError('hive_unreachable', `Hive '${this.hive.hive_id}' was removed, or has moved`);
  }

  async #open(): Promise<Tunnel> {
    const { ssh, hive_id } = this.hive;
    if (ssh === undefined) throw new JobError('hive_not_installed', `Hive '${hive_id}' has no machine to log in to`);
    const tunnel = await this.#options.openTunnel(ssh, {
      remotePort: this.#remotePort,
      // What closed the tunnel may have ended the hive as well.
      onChange: ({ kind }) => {
        if (kind === 'down') this.#isKnown = false;
      },
    });
    this.#localPort = tunnel.localPort;
    return tunnel;
  }

  async #check(): Promise<void> {
    const signal = new AbortController().signal;
    try {
      const found = await this.#look(signal);
      if (found.kind === 'rbee') requireThisHive(this.hive, found);
      else await this.#start(found, signal);
      this.#requireOpen();
      this.#isKnown = true;
      this.#options.onRunning(this.#remotePort);
      this.#failed = undefined;
    } catch (error) {
      if (!isNetworkError(error)) this.#failed = { at: performance.now(), error };
      throw error;
    }
  }

  async #start(found: Probe, signal: AbortSignal): Promise<void> {
    const { hive_id } = this.hive;
    const { site, token } = this.#options;
    if (found.kind === 'frozen') {
      narrate('hive_start', `hive '${hive_id}' does not answer; stopping it`);
      await stopRemote(site(signal));
    }
    narrate('hive_start', `hive '${hive_id}' is asleep, starting it`);
    const started = await startRemote(site(signal), { token, everywhere: this.#isDirect });
    narrate('hive_start', `hive '${hive_id}' ${started.started ? 'started' : 'is running already'}`);
    // A hive of an older version cannot prove that it is this one.
    requireVersion(hive_id, started.version);
    const isMoved = started.port !== this.#remotePort;
    this.#remotePort = started.port;
    if (isMoved) (await this.#tunnel)?.setRemotePort(started.port);
    if (this.#isDirect) await this.#requireDirect(signal);
    else await this.#requireThere(signal);
  }

  /** It runs on its machine; while ssh does not listen at this end of the tunnel, another program may have taken that port. */
  async #requireThere(signal: AbortSignal): Promise<void> {
    const { kind } = await this.#look(signal);
    if (kind !== 'stranger' && kind !== 'unproven') return;
    const sentence = `Hive '${this.hive.hive_id}' runs on its machine, but what answers on port ${this.#localPort} of this one, its end of the tunnel, is another program`;
    throw new JobError('hive_bad_response', `${sentence}. Nothing secret was sent to it`);
  }

  /** It runs on its machine, which a network need not lead to. */
  async #requireDirect(signal: AbortSignal): Promise<void> {
    const found = await this.#look(signal);
    if (found.kind === 'rbee') return;
    const { host, hive_id } = this.hive;
    const why = found.kind === 'absent' ? found.reason : 'another program answers there';
    const sentence = `Hive '${hive_id}' runs on its machine, but cannot be called at ${host}:${this.#remotePort} (${why})`;
    throw new JobError(
      'hive_unreachable',
      `${sentence}. A firewall may block the port; to call the hive through SSH instead: rbee hive update ${hive_id} --transport ssh`,
    );
  }
}

/** The hive may well start as soon as its machine is reachable again, so that such a failure delays no start. */
export function isNetworkError(error: unknown): boolean {
  return error instanceof JobError && (scopeOf(error.code) === 'connection' || error.code === 'shutting_down');
}

function requireInstalled({ hive_id, version }: Hive): void {
  if (version === undefined) throw new JobError('hive_not_installed', `Nothing is installed for hive '${hive_id}' yet`);
}

function requireThisHive({ hive_id }: Hive, { health }: Extract<Probe, { kind: 'rbee' }>): void {
  if (health.role !== 'hive' || health.name !== hive_id)
    throw new JobError('hive_bad_response', `The port of hive '${hive_id}' is used by the ${health.role} '${health.name}'`);
  requireVersion(hive_id, health.version);
}

function requireVersion(hiveId: string, version: string): void {
  if (version === __RBEE_VERSION__) return;
  const differ = `Hive '${hiveId}' runs rbee ${version}, and the queen ${__RBEE_VERSION__}`;
  throw new JobError('version_mismatch', `${differ}. Bring it to this version: rbee hive update ${hiveId}`);
}

function hiveStopped(hiveId: string): JobError {
  return new JobError('hive_stopped', `Hive '${hiveId}' is stopped`);
}
