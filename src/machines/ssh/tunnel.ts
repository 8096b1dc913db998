import { JobError, LOOPBACK, sshName, type SshTarget } from '../../contract/index.ts';
import { firstFreePort } from '../../daemon/index.ts';
import { raceAbort } from '../../jobs/index.ts';
import type { ControlFolder } from './control-folder.ts';
import { newerOptions } from './spawn-ssh.ts';
import { startTunnel, type TunnelProcess, type Way } from './tunnel-process.ts';

/**
 * connecting: an attempt runs; `error` is why the one before it failed. up: logged in, and the local port leads there. down: the last attempt failed or the connection was
 * lost, and the next attempt follows by itself; `since` is when it was first found to be so.
 */
export type TunnelState =
  { kind: 'connecting'; error?: JobError } | { kind: 'up' } | { kind: 'down'; error: JobError; since: Date };

export interface TunnelOptions {
  /** On the loopback of the machine. */
  remotePort: number;
  /** Told each new state. */
  onChange?: (state: TunnelState) => void;
}

interface Waiter {
  resolve: () => void;
  reject: (error: JobError) => void;
}

const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 15_000;
/** What somebody has to mend there; to try more often looks like an attack, and gets this machine locked out. */
const REFUSED_PAUSE_MS = 60_000;
/** One that has held for so long begins anew with the first pause. */
const STEADY_MS = 10_000;
/** Below the ports that systems give to connections on their way out, which could take it while the tunnel is down. */
const LOCAL_PORTS = { first: 20_000, last: 31_999 };
const taken = new Set<number>();

/** A local port that leads to a port on one machine's loopback, over an ssh of its own that is started again for ever. */
export class Tunnel {
  readonly target: SshTarget;
  /** Stays the same for the tunnel's life. */
  readonly localPort: number;
  readonly #onChange: (state: TunnelState) => void;
  readonly #waiters = new Set<Waiter>();
  #remotePort: number;
  #state: TunnelState = { kind: 'connecting' };
  #process: TunnelProcess | undefined;
  /** The process is on its way out, and another follows at once. */
  #isMoving = false;
  #isClosed = false;
  #failures = 0;
  #upSince = 0;
  #downSince: Date | undefined;
  #pause: NodeJS.Timeout | undefined;

  readonly #way: Way;

  private constructor(way: Way, localPort: number, { remotePort, onChange = () => undefined }: TunnelOptions) {
    this.target = way.target;
    this.#way = way;
    this.localPort = localPort;
    this.#remotePort = remotePort;
    this.#onChange = onChange;
  }

  /** Returns at once, connecting. */
  static async open(target: SshTarget, { folder, ...options }: TunnelOptions & { folder: ControlFolder }): Promise<Tunnel> {
    const localPort = await choosePort();
    const way = { target, socket: await folder.socketOfPort(localPort), newer: await newerOptions() };
    const tunnel = new Tunnel(way, localPort, options);
    tunnel.#connect();
    return tunnel;
  }

  get state(): TunnelState {
    return this.#state;
  }

  /** Somebody needs it: where it waits for its next attempt, that begins now. */
  kick(): void {
    if (this.#pause === undefined) return;
    this.#connect();
  }

  /**
   * Resolves when it is up.
   * @throws JobError of the attempt that runs, or begins now, when that fails; the signal's reason
   */
  async ready(signal: AbortSignal): Promise<void> {
    if (this.#isClosed) throw closed(this.target);
    if (this.#state.kind === 'up') return;
    this.kick();
    let waiter: Waiter | undefined;
    const outcome = new Promise<void>((resolve, reject) => {
      waiter = { resolve, reject };
      this.#waiters.add(waiter);
    });
    try {
      await raceAbort(outcome, signal);
    } finally {
      if (waiter !== undefined) this.#waiters.delete(waiter);
    }
  }

  /** Leads elsewhere from now on; connections through it break. */
  setRemotePort(port: number): void {
    if (port === this.#remotePort) return;
    this.#remotePort = port;
    if (this.#process === undefined) return this.kick();
    this.#isMoving = true;
    if (this.#state.kind === 'up') this.#become({ kind: 'connecting' });
    void this.#process.end();
  }

  /** Resolves when nothing of it runs. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#pause);
    this.#pause = undefined;
    for (const { reject } of this.#waiters) reject(closed(this.target));
    await this.#process?.end();
    taken.delete(this.localPort);
  }

  #connect(): void {
    clearTimeout(this.#pause);
    this.#pause = undefined;
    const process = startTunnel(this.#way, { localPort: this.localPort, remotePort: this.#remotePort });
    this.#process = process;
    if (this.#state.kind === 'down') this.#become({ kind: 'connecting', error: this.#state.error });
    void process.up.then(() => this.#isUp(process));
    void process.ended.then((error) => this.#hasEnded(error));
  }

  #isUp(process: TunnelProcess): void {
    if (this.#process !== process || this.#isMoving || this.#isClosed) return;
    this.#upSince = performance.now();
    this.#downSince = undefined;
    this.#become({ kind: 'up' });
    for (const { resolve } of this.#waiters) resolve();
  }

  #hasEnded(error: JobError): void {
    this.#process = undefined;
    if (this.#isClosed) return;
    if (this.#isMoving) {
      this.#isMoving = false;
      return this.#connect();
    }
    if (this.#state.kind === 'up' && performance.now() - this.#upSince > STEADY_MS) this.#failures = 0;
    this.#downSince ??= new Date();
    const backOffMs = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** this.#failures);
    this.#failures += 1;
    const longestMs = error.code === 'ssh_denied' ? REFUSED_PAUSE_MS : backOffMs;
    this.#pause = setTimeout(() => this.#connect(), longestMs * (0.5 + Math.random() / 2));
    this.#become({ kind: 'down', error, since: this.#downSince });
    for (const { reject } of this.#waiters) reject(error);
  }

  #become(state: TunnelState): void {
    this.#state = state;
    this.#onChange(state);
  }
}

/** From a random one on, so that two queens of one machine seldom want the same. */
async function choosePort(): Promise<number> {
  const span = LOCAL_PORTS.last - LOCAL_PORTS.first;
  for (;;) {
    const first = LOCAL_PORTS.first + Math.floor(Math.random() * span);
    const port = await firstFreePort({ first, last: LOCAL_PORTS.last }, LOOPBACK);
    if (taken.has(port)) continue;
    taken.add(port);
    return port;
  }
}

function closed(target: SshTarget): JobError {
  return new JobError('shutting_down', `The tunnel to ${sshName(target)} is closed`);
}
