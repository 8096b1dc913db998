import { setTimeout as delay } from 'node:timers/promises';
import * as z from 'zod';
import { actorOf, isErrorCode, JobError } from '../../contract/index.ts';
import { Backoff } from '../client/backoff.ts';
import { call } from '../client/call.ts';
import { openFeedLink, type FeedLink } from './feed-link.ts';
import { isLegalEvent } from '../client/event-check.ts';
import type { FeedLine } from './feed-lines.ts';
import { Follower, type FollowOptions } from './follower.ts';
import {
  EVENT_LIMIT_CHARS,
  FEED_FOLLOW_LIMIT,
  FEED_IDLE_MS,
  PROMPT_ANSWER_DEADLINE_MS,
  RECONNECT_BACKOFF_MS,
  RECONNECT_DEADLINE_MS,
  LASTING_CONNECTION_MS,
} from '../limits.ts';
import type { Peer } from '../client/peer.ts';
import {
  asJobError,
  badResponse,
  ConnectionClosedError,
  networkCode,
  unreachable,
  whyUnreachable,
} from '../client/peer-errors.ts';

const followAnswer = z.object({
  refused: z.record(z.string(), z.object({ code: z.string(), message: z.string().max(EVENT_LIMIT_CHARS / 2) })),
});

const feeds = new Map<string, Feed>();

/** The one feed of this process to a peer. */
export function feedOf(peer: Peer): Feed {
  const key = JSON.stringify([peer.role, peer.name, peer.host, peer.port, peer.trust]);
  let feed = feeds.get(key);
  if (feed === undefined) feeds.set(key, (feed = new Feed(peer, (idle) => feeds.get(key) === idle && feeds.delete(key))));
  return feed;
}

/**
 * The events of all jobs that this process follows on a peer, on one connection at a time, which is opened when it is needed and
 * closed after it has been idle for a while. The connection has the list of jobs that are followed on it: a claimed job that is not on
 * the list of the current connection is requested on it, until it is followed or the peer is given up.
 */
export class Feed {
  readonly #peer: Peer;
  readonly #onIdle: (feed: Feed) => void;
  readonly #followers = new Map<number, Follower>();
  #link: FeedLink | undefined;
  #opening: Promise<FeedLink> | undefined;
  /** Since the peer last sent an event, or kept a connection open for a while. */
  #trouble: { since: number; backoff: Backoff } | undefined;
  #isTrying = false;
  #nextTag = 1;
  #idle: NodeJS.Timeout | undefined;

  constructor(peer: Peer, onIdle: (feed: Feed) => void) {
    this.#peer = peer;
    this.#onIdle = onIdle;
  }

  /**
   * The connection; opened if there is none.
   * @throws JobError <role>_unreachable, <role>_bad_response, or the error that the peer answered with
   */
  async open(): Promise<FeedLink> {
    if (this.#link !== undefined) return this.#link;
    this.#opening ??= this.#open();
    return this.#opening;
  }

  /** To be claimed when the job's id is known. */
  follow(options: FollowOptions): Follower {
    const tag = this.#nextTag++;
    clearTimeout(this.#idle);
    const follower = new Follower(tag, this.#peer, options);
    this.#followers.set(tag, follower);
    follower.whenOver(() => this.#leave(tag));
    return follower;
  }

  /** @param link the connection on which the job's events already arrive, if any */
  claim(follower: Follower, jobId: string, link?: FeedLink): void {
    follower.claim(jobId);
    if (link !== undefined && link === this.#link) link.followed.add(follower.tag);
    else this.#keepFollowing();
  }

  #leave(tag: number): void {
    this.#followers.delete(tag);
    this.#link?.followed.delete(tag);
    if (this.#followers.size > 0) return;
    this.#trouble = undefined;
    this.#idle = setTimeout(() => this.#onAllGone(), FEED_IDLE_MS).unref();
  }

  #onAllGone(): void {
    if (this.#link === undefined) this.#onIdle(this);
    else this.#link.destroy(new ConnectionClosedError());
  }

  async #open(): Promise<FeedLink> {
    try {
      this.#link = await openFeedLink(this.#peer, {
        onLine: (line) => this.#onLine(line),
        onClosed: (link, cause) => this.#onClosed(link, cause),
      });
      return this.#link;
    } catch (cause) {
      if (this.#followers.size === 0) this.#onIdle(this);
      throw cause;
    } finally {
      this.#opening = undefined;
    }
  }

  #onLine({ tag, event }: FeedLine): boolean {
    const follower = this.#followers.get(tag);
    // Events of a job that is no longer followed may still arrive; a tag that was never assigned is an error.
    if (follower === undefined) return tag >= 1 && tag < this.#nextTag;
    if (event !== undefined && !follower.awaits(event)) return true;
    if (event !== undefined && !isLegalEvent(this.#peer, event)) return false;
    this.#trouble = undefined;
    follower.deliver(event);
    return true;
  }

  #onClosed(link: FeedLink, cause: unknown): void {
    if (this.#link === link) this.#link = undefined;
    if (this.#followers.size === 0) return this.#onIdle(this);
    if (link.ageMs - link.quietMs >= LASTING_CONNECTION_MS) this.#trouble = undefined;
    this.#onTrouble(cause, link.quietMs);
    this.#keepFollowing();
  }

  /** One loop at a time, until every claimed job is followed on the current connection. */
  #keepFollowing(): void {
    if (this.#isTrying) return;
    this.#isTrying = true;
    void this.#followUnfollowed();
  }

  async #followUnfollowed(): Promise<void> {
    while (this.#unfollowed(this.#link).length > 0) {
      if (this.#trouble !== undefined) await delay(this.#trouble.backoff.nextMs());
      try {
        const link = await this.open();
        await this.#followOn(link, this.#unfollowed(link).slice(0, FEED_FOLLOW_LIMIT));
      } catch (cause) {
        this.#onTrouble(underneath(cause));
      }
    }
    // No other code runs between the last check and this.
    this.#isTrying = false;
  }

  #unfollowed(link: FeedLink | undefined): Follower[] {
    return [...this.#followers.values()].filter(({ isClaimed, tag }) => isClaimed && link?.followed.has(tag) !== true);
  }

  async #followOn(link: FeedLink, followers: readonly Follower[]): Promise<void> {
    if (followers.length === 0) return;
    for (const { tag } of followers) link.followed.add(tag);
    const answer = await this.#ask(link, { follow: followers.map(({ place }) => place) });
    const parsed = followAnswer.safeParse(answer);
    if (!parsed.success)
      throw badResponse(this.#peer, `The ${this.#peer.role} did not answer which jobs it follows`, parsed.error);
    for (const follower of followers) {
      const error = parsed.data.refused[follower.tag];
      if (error === undefined) continue;
      const code = isErrorCode(error.code) ? error.code : 'internal';
      follower.fail(new JobError(code, error.message, { origin: actorOf[this.#peer.role] }));
    }
  }

  /** A connection on which a request failed is closed, whatever the reason; then the next one is opened. */
  async #ask(link: FeedLink, body: object): Promise<unknown> {
    try {
      return await call(this.#peer, {
        method: 'POST',
        path: `/v1/feed/${encodeURIComponent(link.id)}`,
        body: JSON.stringify(body),
        answerWithinMs: PROMPT_ANSWER_DEADLINE_MS,
        signal: link.closed,
      });
    } catch (cause) {
      const isGone = link.closed.aborted || (cause instanceof JobError && cause.code === 'not_found');
      const why = isGone ? new ConnectionClosedError() : cause;
      link.destroy(underneath(why) as Error);
      throw why;
    }
  }

  /** A broken connection is retried, within limits; any other error is an answer of the peer, or a bug. */
  #onTrouble(cause: unknown, quietMs = 0): void {
    if (networkCode(cause) === undefined) return this.#failAll(asJobError(this.#peer, cause));
    this.#trouble ??= { since: performance.now() - quietMs, backoff: new Backoff(RECONNECT_BACKOFF_MS) };
    const leftMs = RECONNECT_DEADLINE_MS - (performance.now() - this.#trouble.since);
    if (leftMs < 0) return this.#failAll(unreachable(this.#peer, cause));
    for (const follower of this.#followers.values()) follower.broke({ reason: whyUnreachable(cause), cause, leftMs });
  }

  #failAll(cause: unknown): void {
    this.#trouble = undefined;
    for (const follower of [...this.#followers.values()]) follower.fail(cause);
  }
}

/** The network error behind a JobError, if there is one. */
function underneath(cause: unknown): unknown {
  return cause instanceof JobError && networkCode(cause.cause) !== undefined ? cause.cause : cause;
}
