import { setTimeout as delay } from 'node:timers/promises';
import {
  deferred,
  JobError,
  presenceLine,
  type Hive,
  type HiveReport,
  type PresenceLine,
  type Worker,
} from '../../contract/index.ts';
import { ANSWER_LIMITS, Backoff, openLines, parseBounded, PING_LINE, type LineLink, type Peer } from '../../jobs/index.ts';
import { stateOf, stopped, whyNot, type HiveState, type WhyNot } from './hive-state.ts';
import { ReachabilityLog, STABLE_MS } from './log-reachability.ts';
import { REPORTED_LIMIT_CHARS, ReportedState } from './reported-state.ts';
import { StateWaits } from './state-waits.ts';

const BACKOFF_MS = { first: 250, most: 10_000 };
/** One line: a machine with all of its models. */
const LINE_LIMIT_CHARS = 4 * 1024 * 1024;
/** At first all of it at once; then the changes, which for hundreds of busy workers are a tenth of this. */
const RATE = { charsPerS: 1024 * 1024, burstChars: REPORTED_LIMIT_CHARS };
/** A hive sends a line, if only a ping, every two seconds. */
const QUIET_MS = 4_000;
/** A machine reports itself at once; one whose disk or driver hangs never does, and pings all the same. */
const REPORT_DEADLINE_MS = 10_000;
/** Looking for a local hive that does not run costs nothing. */
const ASLEEP_LOOK_MS = 2_000;

export interface WatchOptions {
  /** Where the hive can be called now; opens the way there first, if there is one to open. */
  connect: (hive: Hive, signal: AbortSignal) => Promise<Peer>;
  /** Whether the hive was stopped on purpose. */
  isStopped: (hiveId: string) => boolean;
  /** The connection has ended, or could not be made. */
  onLost: (hive: Hive) => void;
  /** Its state, its machine or its models have changed; with its state, all of its workers too. */
  onHive: (watch: HiveWatch, what: 'state' | 'report') => void;
  onWorker: (worker: Worker) => void;
  onWorkerGone: (hiveId: string, workerId: string) => void;
}

/**
 * Subscribes to one hive for as long as it is registered, and keeps what it last reported. When the connection ends, its workers are dropped:
 * a hive without a connection gets no work. It is connected again indefinitely, at growing intervals, which start over after a connection
 * that lasted.
 */
export class HiveWatch {
  readonly hive: Hive;
  readonly #options: WatchOptions;
  readonly #closed = new AbortController();
  readonly #reported = new ReportedState();
  readonly #log: ReachabilityLog;
  readonly #waits = new StateWaits(this.#closed.signal);
  /** Aborts the pause before the next try. */
  #pause = new AbortController();
  /** Called when it is up, or when the next try has failed; and the same for those who came before the present try. */
  #awaitNextTry: (() => void)[] = [];
  #awaitThisTry: (() => void)[] = [];
  #link: LineLink | undefined;
  /** Runs until it has reported everything once. */
  #reportDeadline: NodeJS.Timeout | undefined;
  #quietMs = 0;
  #downSince = -Infinity;
  /** When everything had been reported, on the present connection. */
  #completeAt: number | undefined;
  state: HiveState;

  constructor(hive: Hive, options: WatchOptions) {
    this.hive = hive;
    this.#options = options;
    this.#log = new ReachabilityLog(hive.hive_id);
    this.state = this.#notUp({ why: 'has not been reached yet', code: 'hive_unreachable' });
    void this.#run();
  }

  get report(): HiveReport | undefined {
    return this.#reported.report;
  }

  get workers(): Iterable<Worker> {
    return this.#reported.workers();
  }

  /** See ReportedState. */
  get progress(): number {
    return this.#reported.progress;
  }

  get isBusy(): boolean {
    return this.#reported.isBusy;
  }

  worker(workerId: string): Worker | undefined {
    return this.#reported.worker(workerId);
  }

  /** Since it was last up; Infinity where it never was. */
  get downForMs(): number {
    return this.state.kind === 'up' ? 0 : performance.now() - this.#downSince;
  }

  /** How long it has sent nothing on a connection that is still open; 0 unless it has missed a ping. */
  get quietMs(): number {
    return this.#quietMs;
  }

  /** A job needs it now: ends the pause before the next try. */
  kick(): void {
    this.#pause.abort();
  }

  /** Resolves when it is up, or when one more try to reach it has failed. */
  async settled(): Promise<void> {
    if (this.state.kind === 'up' || this.#closed.signal.aborted) return;
    const settled = new Promise<void>((resolve) => this.#awaitNextTry.push(resolve));
    this.kick();
    await settled;
  }

  /** Resolves when it is up, or after so long, or when it is no longer registered. @throws the signal's reason */
  async back(withinMs: number, signal: AbortSignal): Promise<void> {
    await this.#waits.until(() => this.state.kind === 'up', withinMs, signal);
  }

  /** Whether it has reported its machine since this report, or does so in time. @throws the signal's reason */
  async reportedSince(report: HiveReport | undefined, withinMs: number, signal: AbortSignal): Promise<boolean> {
    await this.#waits.until(() => this.report !== report, withinMs, signal);
    return this.report !== report;
  }

  /** Waits until its last report has the model, or has it no longer. @throws the signal's reason */
  async reportsModel(
    model: string,
    isThere: boolean,
    { withinMs, signal }: { withinMs: number; signal: AbortSignal },
  ): Promise<void> {
    const has = () => this.report?.models.some((each) => each.model === model) === true;
    await this.#waits.until(() => has() === isThere, withinMs, signal);
  }

  /** Resolves when it has not been up for this long without a break. Never resolves once the signal has aborted. */
  async downFor(forMs: number, signal: AbortSignal): Promise<void> {
    await this.#waits.lasting(() => this.state.kind !== 'up', forMs, signal);
  }

  close(): void {
    const { hive_id } = this.hive;
    const removed = new JobError('cancelled', `Hive '${hive_id}' is no longer registered, or has moved`);
    this.#closed.abort(removed);
    this.#pause.abort();
    this.#log.close();
    this.#link?.destroy(removed);
    // Jobs that run there need not wait for it.
    this.#become({ kind: 'out', why: 'is no longer registered, or has moved', code: 'hive_not_found' });
    this.#settle();
  }

  async #run(): Promise<void> {
    const backoff = new Backoff(BACKOFF_MS);
    while (!this.#closed.signal.aborted) {
      this.#pause = new AbortController();
      if ((await this.#connectOnce()) >= STABLE_MS) backoff.reset();
      const waitMs = this.state.kind === 'asleep' ? ASLEEP_LOOK_MS : backoff.nextMs();
      if (!this.#pause.signal.aborted)
        await delay(waitMs, undefined, { signal: this.#pause.signal, ref: false }).catch(() => undefined);
    }
  }

  /** @returns how long the connection lasted, from when everything had been reported */
  async #connectOnce(): Promise<number> {
    this.#awaitThisTry.push(...this.#awaitNextTry.splice(0));
    try {
      const peer = await this.#options.connect(this.hive, this.#closed.signal);
      throw await this.#follow(peer);
    } catch (cause) {
      const lastedMs = this.#completeAt === undefined ? 0 : performance.now() - this.#completeAt;
      this.#link = undefined;
      clearTimeout(this.#reportDeadline);
      this.#quietMs = 0;
      // It is probed before the next try, and restarted if it has exited.
      this.#options.onLost(this.hive);
      this.#down(cause, lastedMs);
      this.#settleThisTry();
      return lastedMs;
    }
  }

  /** Resolves with what ended the connection. */
  async #follow(peer: Peer): Promise<unknown> {
    const { promise: closed, resolve: onClosed } = deferred<unknown>();
    const link = await openLines(peer, '/v1/presence', {
      lineLimitChars: LINE_LIMIT_CHARS,
      rate: RATE,
      onLine: (text) => this.#take(text),
      onQuiet: (quietMs) => this.#onQuiet(quietMs),
      onClosed,
    });
    this.#link = link;
    const late = () => link.destroy(this.#incomplete());
    this.#reportDeadline = setTimeout(late, REPORT_DEADLINE_MS).unref();
    if (this.#closed.signal.aborted) this.close();
    return closed;
  }

  #incomplete(): JobError {
    const sentence = `Hive '${this.hive.hive_id}' has not reported its whole state within ${REPORT_DEADLINE_MS / 1_000} s`;
    return new JobError('hive_bad_response', sentence);
  }

  #settle(): void {
    this.#settleThisTry();
    for (const resolve of this.#awaitNextTry.splice(0)) resolve();
  }

  /** Not those who came during the try: it may have failed for a reason that had passed by then. */
  #settleThisTry(): void {
    for (const resolve of this.#awaitThisTry.splice(0)) resolve();
  }

  #down(cause: unknown, lastedMs: number): void {
    if (this.#closed.signal.aborted) return;
    const { hive_id } = this.hive;
    const found = whyNot(hive_id, cause);
    const isIntended = this.#options.isStopped(hive_id);
    if (this.#completeAt !== undefined) this.#log.ended({ why: found.why, lastedMs, isIntended });
    this.#completeAt = undefined;
    this.#reported.forgetWorkers();
    this.#become(this.#notUp(found));
  }

  #notUp(found: WhyNot): HiveState {
    const { hive_id, transport, stopped: isStopped } = this.hive;
    if (transport !== 'local') return { kind: 'out', ...found };
    // A hive that was stopped on purpose is started only for requests that name it.
    return isStopped === true ? { kind: 'out', ...stopped(hive_id) } : { kind: 'asleep', ...found };
  }

  /** It has missed a ping: it gets no work until its next line, or until the connection is given up. */
  #onQuiet(quietMs: number): void {
    if (quietMs < QUIET_MS) return;
    // A hive that was not up keeps the reason that it had.
    if (this.state.kind === 'up' || this.#quietMs > 0) this.#quietMs = quietMs;
    if (this.#quietMs === 0) return;
    this.#become(this.#notUp({ why: `has sent no heartbeat for ${quietMs / 1_000} s`, code: 'hive_unreachable' }));
  }

  #take(text: string): boolean {
    if (this.#quietMs > 0) {
      this.#quietMs = 0;
      this.#become(stateOf(this.report));
    }
    if (text === PING_LINE) return true;
    const line = presenceLine.safeParse(parseBounded(text, ANSWER_LIMITS.hive.values));
    if (line.success) this.#apply(line.data, text.length);
    return line.success;
  }

  #apply(line: PresenceLine, chars: number): void {
    // It is known by the name under which it is registered, whatever it calls itself.
    const { hive_id } = this.hive;
    // Nothing is decided by a part of its state.
    const isUp = this.state.kind === 'up';
    switch (line.kind) {
      case 'hive':
        this.#reported.setReport({ ...line, hive_id }, chars);
        if (isUp) this.#options.onHive(this, 'report');
        this.#waits.changed();
        break;
      case 'worker': {
        const worker = this.#reported.setWorker({ ...line.worker, hive_id }, chars);
        if (isUp) this.#options.onWorker(worker);
        break;
      }
      case 'worker_gone':
        this.#reported.forgetWorker(line.worker_id);
        if (isUp) this.#options.onWorkerGone(hive_id, line.worker_id);
        break;
      case 'complete':
        this.#complete();
        break;
    }
  }

  #complete(): void {
    if (this.#completeAt !== undefined) return;
    this.#completeAt = performance.now();
    clearTimeout(this.#reportDeadline);
    this.#become(stateOf(this.report));
    this.#log.connected();
    this.#settle();
  }

  #become(state: HiveState): void {
    if (this.state.kind === 'up' && state.kind !== 'up') this.#downSince = performance.now();
    this.state = state;
    this.#options.onHive(this, 'state');
    this.#waits.changed();
    if (state.kind === 'up') this.#settle();
  }
}
