import { setTimeout as delay } from 'node:timers/promises';
import { JobError, presenceLine, type Hive, type HiveReport, type Worker } from '../../contract/index.ts';
import {
  ANSWER_LIMITS,
  Backoff,
  openLines,
  parseBounded,
  PING_LINE,
  raceAbort,
  type LineLink,
  type Peer,
} from '../../jobs/index.ts';
import { stateOf, type HiveState } from './hive-state.ts';
import { HiveWord, WORD_LIMIT_CHARS } from './hive-word.ts';
import { ReachabilityLog, STABLE_MS } from './log-reachability.ts';

const BACKOFF_MS = { first: 250, most: 10_000 };
/** One line: a machine with all of its models. */
const LINE_LIMIT_CHARS = 4 * 1024 * 1024;
/** All of it at once, at first; then what changes, which for hundreds of busy workers is a tenth of this. */
const RATE = { charsPerS: 1024 * 1024, burstChars: WORD_LIMIT_CHARS };
/** A hive says something every two seconds. */
const QUIET_MS = 4_000;
/** A machine is looked at in a moment; one whose disk or driver hangs is never done with it, and pings all the same. */
const TOLD_DEADLINE_MS = 10_000;
/** A hive that sleeps on this machine costs nothing to be looked for. */
const ASLEEP_LOOK_MS = 2_000;

export interface WatchOptions {
  /** Where it can be reached now; makes the way there first, where there is one to make. */
  connect: (hive: Hive, signal: AbortSignal) => Promise<Peer>;
  /** The connection has ended, or there was none to be had. */
  onLost: (hive: Hive) => void;
  /** Its state, its machine or its models have changed; with its state, all of its workers too. */
  onHive: (watch: HiveWatch, what: 'state' | 'report') => void;
  onWorker: (worker: Worker) => void;
  onWorkerGone: (hiveId: string, workerId: string) => void;
}

/**
 * Listens to one hive for as long as it is registered, and knows what it last said. When the connection ends, so does what was
 * known of its workers: whoever cannot be heard cannot be given work. It is made again, for ever, at growing intervals, which begin
 * anew after a connection that lasted.
 */
export class HiveWatch {
  readonly hive: Hive;
  readonly #options: WatchOptions;
  readonly #ended = new AbortController();
  readonly #word = new HiveWord();
  readonly #log: ReachabilityLog;
  /** Aborts the wait before the next try. */
  #patience = new AbortController();
  /** Told when it is up, or when the next try has failed; and those who came before the present try. */
  #waiting: (() => void)[] = [];
  #waitingForThis: (() => void)[] = [];
  #link: LineLink | undefined;
  /** Runs until all has been told once. */
  #untold: NodeJS.Timeout | undefined;
  #quietMs = 0;
  #lostAt = -Infinity;
  /** When all had been told, on the present connection. */
  #toldAt: number | undefined;
  readonly #listeners = new Set<() => void>();
  state: HiveState;

  constructor(hive: Hive, options: WatchOptions) {
    this.hive = hive;
    this.#options = options;
    this.#log = new ReachabilityLog(hive.hive_id);
    this.state = this.#unheard('has not been reached yet');
    void this.#watch();
  }

  get report(): HiveReport | undefined {
    return this.#word.report;
  }

  get workers(): Iterable<Worker> {
    return this.#word.workers();
  }

  /** Since it was last up; Infinity where it never was. */
  get lostForMs(): number {
    return this.state.kind === 'up' ? 0 : performance.now() - this.#lostAt;
  }

  /** How long it has kept silent on a connection that is still there; 0 where it has not. */
  get quietMs(): number {
    return this.#quietMs;
  }

  /** Somebody needs it now: no more waiting for the next try. */
  kick(): void {
    this.#patience.abort();
  }

  /** Resolves when it is up, or when one more try to reach it has failed. */
  async settled(): Promise<void> {
    if (this.state.kind === 'up' || this.#ended.signal.aborted) return;
    const settled = new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.kick();
    await settled;
  }

  /** Resolves when it is up, or after so long, or when it is forgotten. @throws the signal's reason */
  async back(withinMs: number, signal: AbortSignal): Promise<void> {
    await this.#until(() => this.state.kind === 'up', withinMs, signal);
  }

  /** Whether it has told of its machine since this report, or does within so long. @throws the signal's reason */
  async toldSince(report: HiveReport | undefined, withinMs: number, signal: AbortSignal): Promise<boolean> {
    await this.#until(() => this.report !== report, withinMs, signal);
    return this.report !== report;
  }

  async #until(isSo: () => boolean, withinMs: number, signal: AbortSignal): Promise<void> {
    const settled = new Promise<void>((resolve) => {
      let isOver = false;
      const look = () => {
        if (!isSo() && !isOver && !this.#ended.signal.aborted && !signal.aborted) return;
        clearTimeout(timer);
        this.#listeners.delete(look);
        signal.removeEventListener('abort', look);
        resolve();
      };
      // Not AbortSignal.timeout in an AbortSignal.any: Node 20 forgets it when it collects garbage, and it never comes.
      const timer = setTimeout(() => {
        isOver = true;
        look();
      }, withinMs).unref();
      this.#listeners.add(look);
      signal.addEventListener('abort', look);
      look();
    });
    await raceAbort(settled, signal);
  }

  /**
   * Resolves when it has not been up for so long, in one go.
   * @param signal ends the wait; then it never resolves
   */
  async lost(forMs: number, signal: AbortSignal): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      const forget = () => {
        clearTimeout(timer);
        this.#listeners.delete(look);
        signal.removeEventListener('abort', forget);
      };
      const look = () => {
        if (this.state.kind === 'up') {
          clearTimeout(timer);
          timer = undefined;
        } else timer ??= setTimeout(() => (forget(), resolve()), forMs).unref();
      };
      this.#listeners.add(look);
      signal.addEventListener('abort', forget);
      look();
    });
  }

  close(): void {
    this.#ended.abort(new JobError('cancelled', 'the hive is forgotten'));
    this.#patience.abort();
    this.#log.close();
    this.#link?.destroy(new JobError('cancelled', 'the hive is forgotten'));
    // Jobs that run there need not wait for it.
    this.#become({ kind: 'out', why: 'is forgotten' });
    this.#settle();
  }

  async #watch(): Promise<void> {
    const backoff = new Backoff(BACKOFF_MS);
    while (!this.#ended.signal.aborted) {
      this.#patience = new AbortController();
      if ((await this.#listen()) >= STABLE_MS) backoff.reset();
      const waitMs = this.state.kind === 'asleep' ? ASLEEP_LOOK_MS : backoff.nextMs();
      if (!this.#patience.signal.aborted)
        await delay(waitMs, undefined, { signal: this.#patience.signal, ref: false }).catch(() => undefined);
    }
  }

  /** @returns how long the connection lasted, from when all had been told */
  async #listen(): Promise<number> {
    this.#waitingForThis.push(...this.#waiting.splice(0));
    try {
      const peer = await this.#options.connect(this.hive, this.#ended.signal);
      throw await this.#heardOut(peer);
    } catch (cause) {
      const lastedMs = this.#toldAt === undefined ? 0 : performance.now() - this.#toldAt;
      this.#link = undefined;
      clearTimeout(this.#untold);
      this.#quietMs = 0;
      // It is looked at before it is listened to again, and started where it has ended.
      this.#options.onLost(this.hive);
      this.#lose(cause, lastedMs);
      this.#settleThis();
      return lastedMs;
    }
  }

  /** Resolves with what ended the connection. */
  async #heardOut(peer: Peer): Promise<unknown> {
    let onClosed: (cause: unknown) => void = () => undefined;
    const closed = new Promise((resolve) => (onClosed = resolve));
    const link = await openLines(peer, '/v1/presence', {
      lineLimitChars: LINE_LIMIT_CHARS,
      rate: RATE,
      onLine: (text) => this.#take(text),
      onQuiet: (quietMs) => this.#onQuiet(quietMs),
      onClosed,
    });
    this.#link = link;
    const untold = () => link.destroy(new JobError('hive_bad_response', 'has not told what it has'));
    this.#untold = setTimeout(untold, TOLD_DEADLINE_MS).unref();
    if (this.#ended.signal.aborted) this.close();
    return closed;
  }

  #settle(): void {
    this.#settleThis();
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  /** A try that was under way when somebody came to wait tells them nothing. */
  #settleThis(): void {
    for (const resolve of this.#waitingForThis.splice(0)) resolve();
  }

  #lose(cause: unknown, lastedMs: number): void {
    if (this.#ended.signal.aborted) return;
    const why = cause instanceof Error ? cause.message : String(cause);
    if (this.#toldAt !== undefined) this.#log.ended(why, lastedMs);
    this.#toldAt = undefined;
    this.#word.forgetWorkers();
    const isStopped = cause instanceof JobError && cause.code === 'hive_stopped';
    this.#become(this.#unheard(isStopped ? why : `cannot be reached: ${why}`, isStopped));
  }

  #unheard(why: string, isStopped = false): HiveState {
    if (this.hive.transport !== 'local') return { kind: 'out', why, ...(isStopped ? { isStopped } : {}) };
    // One that was stopped on purpose is started for nobody who does not name it.
    if (this.hive.stopped !== true) return { kind: 'asleep', why };
    return { kind: 'out', why: `is stopped. Start it: rbee hive start ${this.hive.hive_id}`, isStopped: true };
  }

  /** It has missed a ping: it gets no work until it speaks again, or is given up. */
  #onQuiet(quietMs: number): void {
    if (quietMs < QUIET_MS) return;
    // What was not up before is not out for that.
    if (this.state.kind === 'up' || this.#quietMs > 0) this.#quietMs = quietMs;
    if (this.#quietMs > 0) this.#become(this.#unheard(`has said nothing for ${quietMs / 1_000} s`));
  }

  #take(text: string): boolean {
    if (this.#quietMs > 0) {
      this.#quietMs = 0;
      this.#become(stateOf(this.report));
    }
    if (text === PING_LINE) return true;
    const line = presenceLine.safeParse(parseBounded(text, ANSWER_LIMITS.hive.values));
    if (!line.success) return false;
    const { data } = line;
    // It is known here by the name under which it is registered, whatever it calls itself.
    const { hive_id } = this.hive;
    // Until all has been said once, nothing of it is to be decided by.
    const isUp = this.state.kind === 'up';
    switch (data.kind) {
      case 'hive':
        this.#word.setReport({ ...data, hive_id }, text.length);
        if (isUp) this.#options.onHive(this, 'report');
        this.#tellListeners();
        break;
      case 'worker': {
        const worker = this.#word.setWorker({ ...data.worker, hive_id }, text.length);
        if (isUp) this.#options.onWorker(worker);
        break;
      }
      case 'worker_gone':
        this.#word.forgetWorker(data.worker_id);
        if (isUp) this.#options.onWorkerGone(hive_id, data.worker_id);
        break;
      case 'complete':
        if (this.#toldAt !== undefined) break;
        this.#toldAt = performance.now();
        clearTimeout(this.#untold);
        this.#become(stateOf(this.report));
        this.#log.connected();
        this.#settle();
        break;
    }
    return true;
  }

  #become(state: HiveState): void {
    if (this.state.kind === 'up' && state.kind !== 'up') this.#lostAt = performance.now();
    this.state = state;
    this.#options.onHive(this, 'state');
    this.#tellListeners();
    if (state.kind === 'up') this.#settle();
  }

  #tellListeners(): void {
    for (const listener of this.#listeners) listener();
  }
}
