import type { IncomingMessage } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import * as z from 'zod';
import { JobError, isErrorCode } from '../contract/index.ts';
import { asJobError, call, parseJson, refusal } from './call.ts';
import { exchange, textOf } from './exchange.ts';
import { FEED_HEADER, parseFeedLine } from './feed-lines.ts';
import { Follower, type FollowOptions } from './follower.ts';
import {
  FEED_FOLLOW_LIMIT,
  FEED_IDLE_MS,
  FEED_SILENCE_DEADLINE_MS,
  PROMPT_ANSWER_DEADLINE_MS,
  RECONNECT_BACKOFF_MS,
  RECONNECT_DEADLINE_MS,
} from './limits.ts';
import { badResponse, DeadlineError, networkCode, unreachable, whyUnreachable, type Peer } from './peer.ts';

/** How often silence is looked for. Counted in looks, so that the time in which this process itself was frozen does not count. */
const LOOK_INTERVAL_MS = 1_000;

const followAnswer = z.object({ refused: z.record(z.string(), z.object({ code: z.string(), message: z.string() })) });

const feeds = new Map<string, Feed>();

/** The one feed of this process to a peer. */
export function feedOf(peer: Peer): Feed {
  const key = JSON.stringify([peer.role, peer.name, peer.host, peer.port, peer.token]);
  let feed = feeds.get(key);
  if (feed === undefined) feeds.set(key, (feed = new Feed(peer, () => feeds.delete(key))));
  return feed;
}

/**
 * One connection to a peer, on which the events of all jobs that are followed there arrive. It is opened when it is needed and
 * closed when nobody has needed it for a while; one that breaks or falls silent is opened again and every job taken up after
 * its last event.
 *
 *   connection | next
 *   none       | opening
 *   opening    | open, none
 *   open       | none
 */
class Feed {
  readonly #peer: Peer;
  readonly #onIdle: () => void;
  readonly #followers = new Map<number, Follower>();
  #connection: { opened: Promise<string | undefined>; id?: string; response?: IncomingMessage } | undefined;
  #nextTag = 1;
  #isTrying = false;
  /** Followers to be asked for in this tick. */
  #asking: Follower[] = [];
  #idle: NodeJS.Timeout | undefined;

  constructor(peer: Peer, onIdle: () => void) {
    this.#peer = peer;
    this.#onIdle = onIdle;
  }

  /**
   * Opens the feed if it is not.
   * @returns its id; undefined when the peer has no feeds
   * @throws JobError <role>_unreachable, or what the peer answered
   */
  opened(): Promise<string | undefined> {
    this.#connection ??= { opened: this.#open() };
    return this.#connection.opened;
  }

  /** To be claimed when the job's id is known. */
  follow(options: FollowOptions): Follower {
    const tag = this.#nextTag++;
    clearTimeout(this.#idle);
    const leave = () => {
      this.#followers.delete(tag);
      if (this.#followers.size === 0) this.#idle = setTimeout(() => this.#close(), FEED_IDLE_MS).unref();
    };
    const follower = new Follower(tag, this.#peer, { ...options, leave });
    this.#followers.set(tag, follower);
    return follower;
  }

  /** Asks for the events of a claimed job: those of one tick together, at once or as soon as the feed is open again. */
  resume(follower: Follower): void {
    if (this.#connection?.id === undefined) return void this.#keepTrying(undefined);
    if (this.#asking.length === 0) setImmediate(() => void this.#ask());
    this.#asking.push(follower);
  }

  /** Whether this is the feed that is open now. */
  isOpen(id: string): boolean {
    return this.#connection?.id === id;
  }

  async #open(): Promise<string | undefined> {
    try {
      const response = await exchange(this.#peer, {
        method: 'GET',
        path: '/v1/feed',
        answerWithinMs: PROMPT_ANSWER_DEADLINE_MS,
      });
      const id = response.headers[FEED_HEADER];
      if (response.statusCode === 200 && typeof id === 'string') return this.#onOpen(id, response);
      this.#connection = undefined;
      await requireOther(this.#peer, response);
      return undefined;
    } catch (cause) {
      this.#connection = undefined;
      if (this.#followers.size === 0) this.#onIdle();
      throw asJobError(this.#peer, cause);
    }
  }

  #onOpen(id: string, response: IncomingMessage): string {
    this.#connection = { opened: Promise.resolve(id), id, response };
    response.socket.unref();
    response.setEncoding('utf8');
    const heard = this.#watchSilence(response);
    let cause: unknown = 'connection closed';
    let rest = '';
    response.on('data', (chunk: string) => {
      heard();
      rest = this.#take(rest + chunk);
    });
    response.on('error', (error) => {
      cause = error;
    });
    response.on('close', () => this.#onBroken(cause));
    return id;
  }

  /** @returns what came after the last whole line */
  #take(text: string): string {
    let from = 0;
    for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', from)) {
      this.#takeLine(text.slice(from, end));
      from = end + 1;
    }
    return text.slice(from);
  }

  #takeLine(line: string): void {
    if (line === 'ping') return;
    const parsed = parseFeedLine(line);
    if (parsed === undefined) {
      this.#connection?.response?.destroy(badResponse(this.#peer, `The ${this.#peer.role} sent an event that is not ours`));
      return;
    }
    this.#followers.get(parsed.tag)?.deliver(parsed.event);
  }

  #watchSilence(response: IncomingMessage): () => void {
    let quietLooks = 0;
    const looks = setInterval(() => {
      quietLooks += 1;
      if (quietLooks * LOOK_INTERVAL_MS <= FEED_SILENCE_DEADLINE_MS) return;
      response.destroy(new DeadlineError('SILENCE_DEADLINE', FEED_SILENCE_DEADLINE_MS));
    }, LOOK_INTERVAL_MS).unref();
    response.on('close', () => clearInterval(looks));
    return () => {
      quietLooks = 0;
    };
  }

  #onBroken(cause: unknown): void {
    this.#connection = undefined;
    if (this.#followers.size === 0) return this.#onIdle();
    if (cause instanceof JobError) return this.#failAll(cause);
    void this.#keepTrying(cause);
  }

  /** Until every claimed job is followed again, or RECONNECT_DEADLINE_MS is over. */
  async #keepTrying(broken: unknown): Promise<void> {
    if (this.#isTrying) return;
    this.#isTrying = true;
    const since = performance.now();
    let cause = broken;
    let backoffMs: number = RECONNECT_BACKOFF_MS.first;
    while (this.#followers.size > 0) {
      if (cause !== undefined) {
        for (const follower of this.#followers.values()) follower.broke(whyUnreachable(cause), cause);
        await delay(backoffMs * (0.5 + Math.random() / 2));
        backoffMs = Math.min(backoffMs * 2, RECONNECT_BACKOFF_MS.most);
      }
      try {
        await this.#takeUp();
        if (this.#connection?.id !== undefined) break;
      } catch (error) {
        cause = error instanceof JobError && error.cause !== undefined ? error.cause : error;
        if (networkCode(cause) === undefined) this.#failAll(error);
        else if (performance.now() - since > RECONNECT_DEADLINE_MS) this.#failAll(unreachable(this.#peer, cause));
      }
    }
    this.#isTrying = false;
  }

  async #ask(): Promise<void> {
    const asking = this.#asking.splice(0);
    try {
      await this.#followAll(asking);
    } catch (cause) {
      // Of a connection that broke meanwhile; then they are taken up with the others.
      if (this.#connection?.id !== undefined) for (const follower of asking) follower.fail(cause);
    }
  }

  async #takeUp(): Promise<void> {
    const id = await this.opened();
    if (id === undefined) throw badResponse(this.#peer, `The ${this.#peer.role} has no feed any more`);
    await this.#followAll([...this.#followers.values()].filter((follower) => follower.isClaimed));
  }

  async #followAll(followers: readonly Follower[]): Promise<void> {
    for (let from = 0; from < followers.length; from += FEED_FOLLOW_LIMIT) {
      const id = this.#connection?.id;
      if (id === undefined) return;
      await this.#followOn(id, followers.slice(from, from + FEED_FOLLOW_LIMIT));
    }
  }

  async #followOn(id: string, followers: readonly Follower[]): Promise<void> {
    const body = JSON.stringify({ follow: followers.map(({ place }) => place) });
    const answer = await call(this.#peer, { method: 'POST', path: `/v1/feed/${id}`, body, repeatable: true });
    const { refused } = followAnswer.parse(answer);
    for (const follower of followers) {
      const error = refused[follower.tag];
      if (error !== undefined) follower.fail(new JobError(isErrorCode(error.code) ? error.code : 'internal', error.message));
    }
  }

  #failAll(cause: unknown): void {
    for (const follower of this.#followers.values()) follower.fail(cause);
  }

  #close(): void {
    const response = this.#connection?.response;
    if (response === undefined) this.#onIdle();
    else response.destroy();
  }
}

/** What is no feed may be an error of ours, or a peer without feeds. */
async function requireOther(peer: Peer, response: IncomingMessage): Promise<void> {
  const status = response.statusCode ?? 0;
  if (status === 200 || status === 404) {
    response.destroy();
    return;
  }
  const error = refusal(peer, status, parseJson(await textOf(response)));
  if (error.code !== `${peer.role}_bad_response`) throw error;
}
