import { actorOf, isTerminal, JobError, deferred, type Deferred } from '../../contract/index.ts';
import { HELD_LIMIT_CHARS, PIECE_CHARS } from '../limits.ts';
import type { Peer } from '../client/peer.ts';
import { badResponse } from '../client/peer-errors.ts';
import type { Broken } from '../client/resume-stream.ts';
import type { StreamEvent } from '../client/stream-event.ts';

export interface FollowOptions {
  /** Seq of the last event that the caller has; 0 for none. */
  after: number;
  /** Ends the following, not the job. */
  signal: AbortSignal;
  /** Called for each event but the terminal one, once and in order. */
  onEvent: (event: StreamEvent) => void;
  /** Called when the connection broke and is being resumed. */
  onReconnect?: ((broken: Broken) => void) | undefined;
}

/** One job that is followed on a feed. What arrives before the job's id is known is held. */
export class Follower {
  readonly tag: number;
  /** Resolves with the terminal event. */
  readonly ended: Promise<StreamEvent>;
  readonly #peer: Peer;
  readonly #options: FollowOptions;
  #onOver: () => void = () => undefined;
  #settle: Deferred<StreamEvent> | undefined;
  #held: StreamEvent[] | undefined = [];
  #heldChars = 0;
  #jobId = '';
  #last: number;

  constructor(tag: number, peer: Peer, options: FollowOptions) {
    this.tag = tag;
    this.#peer = peer;
    this.#options = options;
    this.#last = options.after;
    this.#settle = deferred<StreamEvent>();
    this.ended = this.#settle.promise;
    // The follower awaits it later; a failure before that must not be an unhandled rejection.
    this.ended.catch(() => undefined);
  }

  /** From now on following may end, for example by its signal. @param onOver called once, when no more events are wanted */
  whenOver(onOver: () => void): void {
    this.#onOver = onOver;
    const { signal } = this.#options;
    if (signal.aborted) this.#onAbort();
    else signal.addEventListener('abort', this.#onAbort, { once: true });
  }

  get isClaimed(): boolean {
    return this.#held === undefined;
  }

  /** Where to resume. */
  get place(): { tag: number; job_id: string; after: number } {
    return { tag: this.tag, job_id: this.#jobId, after: this.#last };
  }

  /** The job's id is known: the held events are delivered. */
  claim(jobId: string): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    this.#jobId = jobId;
    for (const event of held) this.#pass(event);
  }

  /** Whether it does not have the event yet: a job that is followed twice sends its events twice. */
  awaits({ seq }: StreamEvent): boolean {
    return seq > this.#last;
  }

  /** @param event the next one; undefined when there will be none, because its log has expired */
  deliver(event: StreamEvent | undefined): void {
    if (event === undefined) {
      const origin = actorOf[this.#peer.role];
      return this.fail(new JobError('job_not_found', `The events of job '${this.#jobId}' have expired`, { origin }));
    }
    if (event.seq !== this.#last + 1) {
      const jump = `The events of job '${this.#jobId}' jumped from ${this.#last} to ${event.seq}`;
      return this.fail(badResponse(this.#peer, jump));
    }
    this.#last = event.seq;
    if (this.#held === undefined) this.#pass(event);
    else this.#hold(this.#held, event);
  }

  #hold(held: StreamEvent[], event: StreamEvent): void {
    held.push(event);
    this.#heldChars += event.json.length + PIECE_CHARS;
    if (this.#heldChars <= HELD_LIMIT_CHARS) return;
    this.fail(badResponse(this.#peer, `The ${this.#peer.role} sent too many events of a job before its id`));
  }

  broke(broken: Broken): void {
    this.#options.onReconnect?.(broken);
  }

  fail(cause: unknown): void {
    this.#end()?.reject(cause);
  }

  /** If the caller fails to process an event, its job fails, and no other job on this feed. */
  #pass(event: StreamEvent): void {
    if (this.#settle === undefined) return;
    if (isTerminal(event.kind)) return this.#end()?.resolve(event);
    try {
      this.#options.onEvent(event);
    } catch (cause) {
      this.fail(cause);
    }
  }

  #end() {
    const settle = this.#settle;
    this.#settle = undefined;
    this.#options.signal.removeEventListener('abort', this.#onAbort);
    if (settle !== undefined) this.#onOver();
    return settle;
  }

  readonly #onAbort = (): void => this.fail(this.#options.signal.reason);
}
