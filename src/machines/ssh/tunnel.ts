import { JobError, LOOPBACK, sshName, type SshTarget } from '../../contract/index.ts';
import { firstFreePort } from '../../daemon/index.ts';
import { raceAbort } from '../../jobs/index.ts';
import type { ControlFolder } from './control-folder.ts';
import { startTunnel, type TunnelProcess, type TunnelRoute } from './tunnel-process.ts';

/**
 * connecting: an attempt is in progress; `error` is why the one before it failed. up: logged in, and the local port is forwarded.
 * down: the last attempt failed or the connection was closed, and the next attempt follows automatically; `since` is when it went down.
 */
export type TunnelState =
  { kind: 'connecting'; error?: JobError } | { kind: 'up' } | { kind: 'down'; error: JobError; since: Date };

export interface TunnelOptions {
  /** On the loopback of the other machine. */
  remotePort: number;
  /** Called with each new state. */
  onChange?: (state: TunnelState) => void;
}

interface Waiter {
  resolve: () => void;
  reject: (error: JobError) => void;
}

const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 15_000;
/** A refused login needs a person. More attempts would look like an attack, and get this machine locked out. */
const REFUSED_PAUSE_MS = 60_000;
/** After this long without a failure, the next pause is the first one again. */
const STEADY_MS = 10_000;
/** Below the ephemeral ports, which an outgoing connection could occupy while the tunnel is down. */
const LOCAL_PORTS = { first: 20_000, last: 31_999 };
const taken = new Set<number>();

/** Forwards a local port to a port on another machine's loopback, over its own ssh, which is restarted indefinitely. */
export class Tunnel {
  readonly target: SshTarget;
  /** Stays the same for the tunnel's life. */
  readonly localPort: number;
  readonly #onChange: (state: TunnelState) => void;
  readonly #waiters = new Set<Waiter>();
  #remotePort: number;
  #state: TunnelState = { kind: 'connecting' };
  #process: TunnelProcess | undefined;
  /** The process is being ended, and another one follows at once. */
  #isMoving = false;
  #isClosed = false;
  #failures = 0;
  #upSince = 0;
  #downSince: Date | undefined;
  #pause: NodeJS.Timeout | undefined;

  readonly #socket: string;

  private constructor({ target, socket, localPort }: Omit<TunnelRoute, 'remotePort'>, options: TunnelOptions) {
    const { remotePort, onChange = () => undefined } = options;
    this.target = target;
    this.#socket = socket;
    this.localPort = localPort;
    this.#remotePort = remotePort;
    this.#onChange = onChange;
  }

  /** Returns at once, connecting. */
  static async open(target: SshTarget, { folder, ...options }: TunnelOptions & { folder: ControlFolder }): Promise<Tunnel> {
    const localPort = await choosePort();
    const socket = await folder.socketOfPort(localPort);
    const tunnel = new Tunnel({ target, socket, localPort }, options);
    tunnel.#connect();
    return tunnel;
  }

  get state(): TunnelState {
    return this.#state;
  }

  /** Starts the next attempt now instead of after its pause. */
  kick(): void {
    if (this.#pause === undefined) return;
    this.#connect();
  }

  /**
   * Resolves when it is up.
   * @throws JobError when the current attempt, or one that starts now, fails; the signal's reason
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

  /** Forwards to another port from now on; open connections through it are closed. */
  setRemotePort(port: number): void {
    if (port === this.#remotePort) return;
    this.#remotePort = port;
    if (this.#process === undefined) return this.kick();
    this.#isMoving = true;
    if (this.#state.kind === 'up') this.#become({ kind: 'connecting' });
    void this.#process.end();
  }

  /** Resolves when its process has exited. */
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
    const { target, localPort } = this;
    const process = startTunnel({ target, socket: this.#socket, localPort, remotePort: this.#remotePort });
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

/** Starts at a random port, so that two queens of one machine seldom choose the same. */
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
