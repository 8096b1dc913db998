import { JobError, type Hive, type SshTarget } from '../../contract/index.ts';
import { probe, type Presence } from '../../daemon/index.ts';
import { raceAbort, type Peer } from '../../jobs/index.ts';
import { startRemote, stopRemote, type HiveSite, type Tunnel, type TunnelOptions } from '../../machines/index.ts';
import { narrate } from '../../narration/index.ts';

const PROBE_DEADLINE_MS = 3_000;
/** After a start that failed, nobody who only listens tries another one before this. */
const START_PATIENCE_MS = 60_000;

export interface RemoteHiveOptions {
  site: (signal: AbortSignal) => HiveSite;
  openTunnel: (target: SshTarget, options: TunnelOptions) => Promise<Tunnel>;
  /** What the hive there knows; no other hive does. */
  token: string;
  /** Resolves when whoever exchanges or starts it has done so; undefined when nobody does. */
  held: () => Promise<void> | undefined;
  /** Whether it was stopped on purpose, and nobody has needed it since. */
  isStopped: () => boolean;
  /** Told when it runs, with its port there. */
  onRunning: (port: number) => void;
}

/** A hive that was installed over SSH: reached through a tunnel of its own, and started there when it does not run. */
export class RemoteHive {
  readonly hive: Hive;
  readonly #options: RemoteHiveOptions;
  #tunnel: Promise<Tunnel> | undefined;
  #localPort: number | undefined;
  #remotePort: number;
  /** Seen running, and nothing has been wrong since. */
  #isKnown = false;
  #isClosed = false;
  #checking: Promise<void> | undefined;
  #failed: { at: number; error: unknown } | undefined;

  constructor(hive: Hive, options: RemoteHiveOptions) {
    this.hive = hive;
    this.#remotePort = hive.port;
    this.#options = options;
  }

  /** @throws JobError ssh_unreachable before a way there was tried */
  get peer(): Peer {
    const { hive_id, host } = this.hive;
    // The port is its own, wherever this end of the tunnel is: whoever listens there in its place cannot hand the question on to it.
    const trust = { by: 'token', token: this.#options.token, port: this.#remotePort } as const;
    if (this.#isDirect) return { role: 'hive', name: hive_id, host, port: this.#remotePort, trust };
    if (this.#localPort === undefined) throw new JobError('ssh_unreachable', `Hive '${hive_id}' has not been reached yet`);
    return { role: 'hive', name: hive_id, host: '127.0.0.1', port: this.#localPort, trust };
  }

  /** It runs afterwards. Many requests at once look, and start, once. */
  async ensureRunning(signal: AbortSignal): Promise<void> {
    requireInstalled(this.hive);
    await this.#connect(signal);
    for (let held = this.#options.held(); held !== undefined; held = this.#options.held()) await raceAbort(held, signal);
    if (this.#isKnown) return;
    // Nothing comes between the last look at who holds it and this.
    this.#checking ??= this.#check().finally(() => {
      this.#checking = undefined;
    });
    await raceAbort(this.#checking, signal);
  }

  /**
   * For whoever only listens, which is when nobody hears it: one that has ended is started again. One that was stopped stays so, one
   * that does not start is not started again and again, and a machine that refuses us is left to its tunnel's long pauses.
   */
  async ensurePatiently(signal: AbortSignal): Promise<void> {
    const { hive_id } = this.hive;
    if (this.#options.isStopped()) throw new JobError('hive_stopped', `is stopped. Start it: rbee hive start ${hive_id}`);
    requireInstalled(this.hive);
    const { error, at } = this.#failed ?? { at: -Infinity };
    if (performance.now() - at < START_PATIENCE_MS) throw error;
    const state = this.#isDirect ? undefined : (await this.#opened(signal)).state;
    if (state?.kind === 'down' && state.error.code === 'ssh_denied') throw state.error;
    const { kind } = await this.probe(signal);
    // It may come back to itself; whoever needs it now does not wait for that.
    if (kind === 'frozen') throw new JobError('hive_unreachable', 'accepts connections but does not answer');
    if (kind !== 'ours') this.distrust();
    await this.ensureRunning(signal);
  }

  /** Resolves when no start is under way, however it went. */
  async settled(): Promise<void> {
    await this.#checking?.catch(() => undefined);
  }

  distrust(): void {
    this.#isKnown = false;
  }

  /** Whoever else has started it knows where. */
  runsAt(port: number): void {
    const isMoved = port !== this.#remotePort;
    this.#remotePort = port;
    // One that could not be opened is opened anew, and leads there then.
    if (isMoved) void this.#tunnel?.then((tunnel) => tunnel.setRemotePort(port)).catch(() => undefined);
  }

  /** @throws JobError why there is no way to its machine */
  async probe(signal: AbortSignal): Promise<Presence> {
    await this.#connect(signal);
    const { host, port, trust } = this.peer;
    return probe(host, port, { withinMs: PROBE_DEADLINE_MS, trust });
  }

  /** @returns whether there was one to stop */
  async stop(signal: AbortSignal): Promise<boolean> {
    this.#isKnown = false;
    narrate('hive_stop', `stopping hive '${this.hive.hive_id}' and its workers`);
    return (await stopRemote(this.#options.site(signal))).stopped;
  }

  /** Ends the tunnel, for good. The hive runs on. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const tunnel = await this.#tunnel?.catch(() => undefined);
    this.#tunnel = undefined;
    await tunnel?.close();
  }

  get #isDirect(): boolean {
    return this.hive.transport === 'http';
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

  /** What was begun before it was forgotten, or had moved, must not make a way there that nobody ends. */
  #requireOpen(): void {
    if (this.#isClosed) throw new JobError('hive_unreachable', `Hive '${this.hive.hive_id}' is not there any more, or has moved`);
  }

  async #open(): Promise<Tunnel> {
    const { ssh, hive_id } = this.hive;
    if (ssh === undefined) throw new JobError('hive_not_installed', `Hive '${hive_id}' has no machine to log in to`);
    const tunnel = await this.#options.openTunnel(ssh, {
      remotePort: this.#remotePort,
      // What broke the way there may have ended the hive as well.
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
      const presence = await this.probe(signal);
      if (presence.kind === 'ours') requireOurs(this.hive, presence);
      else await this.#start(presence, signal);
      this.#requireOpen();
      this.#isKnown = true;
      this.#options.onRunning(this.#remotePort);
      this.#failed = undefined;
    } catch (error) {
      if (!isOfTheWay(error)) this.#failed = { at: performance.now(), error };
      throw error;
    }
  }

  async #start(presence: Presence, signal: AbortSignal): Promise<void> {
    const { hive_id } = this.hive;
    const { site, token } = this.#options;
    if (presence.kind === 'frozen') {
      narrate('hive_start', `hive '${hive_id}' does not answer, ending it`);
      await stopRemote(site(signal));
    }
    narrate('hive_start', `hive '${hive_id}' is asleep, starting it`);
    const started = await startRemote(site(signal), { token, everywhere: this.#isDirect });
    narrate('hive_start', `hive '${hive_id}' ${started.started ? 'started' : 'runs already'}`);
    // One of an older version cannot prove that it is ours.
    requireVersion(hive_id, started.version);
    const isMoved = started.port !== this.#remotePort;
    this.#remotePort = started.port;
    if (isMoved) (await this.#tunnel)?.setRemotePort(started.port);
    if (this.#isDirect) await this.#requireDirect(signal);
    else await this.#requireThere(signal);
  }

  /** It runs on its machine; while this end of the tunnel is not ssh's, another program may have its port. */
  async #requireThere(signal: AbortSignal): Promise<void> {
    const { kind } = await this.probe(signal);
    if (kind !== 'stranger' && kind !== 'unproven') return;
    const sentence = `Hive '${this.hive.hive_id}' runs on its machine, but what answers on port ${this.#localPort} of this one, its end of the tunnel, is another program`;
    throw new JobError('hive_bad_response', `${sentence}. Nothing secret was sent to it`);
  }

  /** It runs on its machine; whether a network leads there is another matter. */
  async #requireDirect(signal: AbortSignal): Promise<void> {
    const presence = await this.probe(signal);
    if (presence.kind === 'ours') return;
    const { host, hive_id } = this.hive;
    const why = presence.kind === 'absent' ? presence.reason : 'something else answers there';
    const sentence = `Hive '${hive_id}' runs on its machine, but cannot be called at ${host}:${this.#remotePort} (${why})`;
    throw new JobError(
      'hive_unreachable',
      `${sentence}. Is a firewall between? Through SSH it can: rbee hive update ${hive_id} --transport ssh`,
    );
  }
}

/** The hive may well start, once its machine is reached again: a line that is back is used at once. */
function isOfTheWay(error: unknown): boolean {
  if (!(error instanceof JobError)) return false;
  return error.code.startsWith('ssh_') || error.code === 'hive_unreachable' || error.code === 'shutting_down';
}

function requireInstalled({ hive_id, version }: Hive): void {
  if (version === undefined)
    throw new JobError('hive_not_installed', `Nothing is installed for hive '${hive_id}' yet: rbee hive install ${hive_id}`);
}

function requireOurs({ hive_id }: Hive, { health }: Extract<Presence, { kind: 'ours' }>): void {
  if (health.role !== 'hive' || health.name !== hive_id)
    throw new JobError('hive_bad_response', `At the port of hive '${hive_id}' answers the ${health.role} '${health.name}'`);
  requireVersion(hive_id, health.version);
}

function requireVersion(hiveId: string, version: string): void {
  if (version === __RBEE_VERSION__) return;
  const differ = `Hive '${hiveId}' runs rbee ${version}, and the queen ${__RBEE_VERSION__}`;
  throw new JobError('version_mismatch', `${differ}. Bring it to this version: rbee hive update ${hiveId}`);
}
