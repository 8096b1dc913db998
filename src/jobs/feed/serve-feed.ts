import { randomUUID } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import * as z from 'zod';
import { JobError } from '../../contract/index.ts';
import { FeedConnection } from './feed-connection.ts';
import { FEED_HEADER, FEED_TYPE } from './feed-lines.ts';
import { FEED_FOLLOW_LIMIT, FEED_PING_INTERVAL_MS } from '../limits.ts';
import { parseJsonObject } from '../server/json-body.ts';
import { beginOpenEnded } from '../server/open-ended.ts';
import type { JobRegistry } from '../registry/registry.ts';

/** The feeds that are open on this daemon. */
export interface Feeds {
  /**
   * Follows a job that was just created, as the header of its request asks.
   * @returns whether the feed is open here
   */
  followNew(header: unknown, jobId: string): boolean;
}

const follow = z.strictObject({
  follow: z
    .array(z.strictObject({ tag: z.int().min(1), job_id: z.string().max(128), after: z.int().min(0) }))
    .max(FEED_FOLLOW_LIMIT),
});

/** What the feed cannot follow, by tag. */
type Refused = Record<number, { code: string; message: string }>;

/**
 * GET /v1/feed: the events of many jobs on one connection, between two daemons. POST /v1/feed/{id} follows further jobs, after
 * a reconnect for example.
 */
export function serveFeeds(app: FastifyInstance, registry: JobRegistry): Feeds {
  const open = new Map<string, FeedConnection>();
  const pings = setInterval(() => {
    for (const feed of open.values()) feed.ping();
  }, FEED_PING_INTERVAL_MS);
  app.addHook('onClose', () => clearInterval(pings));

  app.get('/v1/feed', (_request, reply) => {
    reply.hijack();
    const id = randomUUID();
    const response = reply.raw;
    const feed = new FeedConnection(beginOpenEnded(response, { 'content-type': FEED_TYPE, [FEED_HEADER]: id }), registry);
    open.set(id, feed);
    response.on('close', () => {
      open.delete(id);
      feed.close();
    });
  });

  app.post<{ Params: { id: string } }>('/v1/feed/:id', (request) => {
    const feed = open.get(request.params.id);
    if (feed === undefined) throw new JobError('not_found', 'This feed is not open');
    const parsed = follow.safeParse(parseJsonObject(request.body));
    if (!parsed.success) throw new JobError('invalid_input', z.prettifyError(parsed.error));
    const refused: Refused = {};
    for (const { tag, job_id, after } of parsed.data.follow) {
      try {
        feed.follow(tag, job_id, after);
      } catch (cause) {
        if (!(cause instanceof JobError)) throw cause;
        refused[tag] = { code: cause.code, message: cause.message };
      }
    }
    return { refused };
  });

  return {
    followNew: (header, jobId) => {
      const [, id = '', tag] = /^([0-9a-f-]{36})\/([1-9]\d{0,14})$/.exec(String(header)) ?? [];
      const feed = open.get(id);
      feed?.follow(Number(tag), jobId, 0);
      return feed !== undefined;
    },
  };
}
