import { fastify, type FastifyError, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import assert from 'node:assert/strict';
import { isUtf8 } from 'node:buffer';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import * as z from 'zod';
import { issueWords, jobStates, JobError, type DownstreamJob, type Health, type Role } from '../../contract/index.ts';
import { answerChallenge, isChallenge, isProven, PROOF_HEADER } from '../../proof/index.ts';
import type { BoundServer } from './bound-server.ts';
import { CORRELATION_HEADER, correlationIdOf } from '../client/correlation.ts';
import type { Logger } from '../registry/execute.ts';
import { FEED_HEADER } from '../feed/feed-lines.ts';
import { killedWorkersOf } from '../client/killed-workers.ts';
import { createGuard } from './guard.ts';
import { BODY_LIMITS, LISTED_JOBS_LIMIT, PROVEN_BODY_LIMITS } from '../limits.ts';
import { parseRequest } from './parse-request.ts';
import type { Peer } from '../client/peer.ts';
import { PathTable, type ErrorAnswer } from './path-rules.ts';
import { allowOrigin, isPreflight } from './origins.ts';
import { proven } from './proven.ts';
import { errorAnswerOf, refuse, refuseConnection } from './refuse.ts';
import type { RoleRoutes } from './role-routes.ts';
import type { JobRegistry } from '../registry/registry.ts';
import type { JobQuery } from '../registry/unstored.ts';
import { serveFeeds, type Feeds } from '../feed/serve-feed.ts';
import { serveLines } from '../feed/serve-lines.ts';
import { createJobStreams, serveStreams } from './stream-job.ts';
import { TRACE_DEADLINE_MS, traceJob } from '../client/trace.ts';
import { isAwaited } from '../registry/orphaned-jobs.ts';

export interface JobServerOptions {
  role: Role;
  /** Id of the hive or worker; 'queen' for the queen. */
  name: string;
  version: string;
  /** Digest of the home directory. */
  home: string;
  /** From `bindServer`. */
  bound: BoundServer;
  token: string | undefined;
  /** Of the secret of the home; undefined for a daemon that has none. */
  secretFile: string | undefined;
  registry: JobRegistry;
  /** Where the jobs below are served. */
  findPeer: (below: DownstreamJob) => Peer;
  logger: Logger;
}

/**
 * The HTTP face of a daemon: /v1/jobs and /health, the same on queen, hive and worker. A role adds its own routes;
 * `open` then answers the requests that wait.
 */
export function createJobServer(options: JobServerOptions): {
  routes: RoleRoutes;
  open(): Promise<void>;
  close(): Promise<void>;
} {
  const { bound, role, registry } = options;
  const paths = new PathTable();
  const answerTo: AnswerTo = (request, error) =>
    paths.of(request.url ?? '').errorAnswer?.(error, request) ?? errorAnswerOf(error, role);
  let route: RequestListener = () => undefined;
  const app = fastify({
    bodyLimit: BODY_LIMITS.bytes,
    routerOptions: { maxParamLength: 128, constraints: { proven } },
    schemaController: NO_SCHEMAS,
    frameworkErrors: (cause, request, { raw }) => {
      const { method, url } = request;
      const error = new JobError('not_found', `Nothing is served at ${method} ${url.slice(0, 200)}`, { cause });
      refuse(raw, answerTo(request.raw, error));
    },
    clientErrorHandler: (cause, socket) => {
      const why = new JobError('bad_request', `Malformed HTTP request: ${cause.code}`, { cause });
      refuseConnection(socket, why, role);
    },
    serverFactory: (listener) => {
      route = listener;
      return bound.server;
    },
  });
  acceptJson(app);
  answerErrors(app, answerTo, options.logger);
  serveJobs(app, options, serveFeeds(app, registry));
  const streamJob = createJobStreams(app, registry);
  serveStreams(app, streamJob);
  const started = performance.now();
  app.get('/health', () => health(options, started));
  const routes: RoleRoutes = {
    app,
    registry,
    streamJob,
    serveLines: (path, onReader) => serveLines(app, path, onReader),
    under: (prefix, rules) => paths.add(prefix, rules),
  };
  return {
    routes,
    open: async () => {
      await app.ready();
      bound.answerWith(guarded(route, options, { paths, answerTo }));
    },
    close: async () => {
      bound.server.close();
      bound.server.closeAllConnections();
      await app.close();
    },
  };
}

/**
 * The contract's own parsers judge what comes in. Fastify's compilers of JSON schemas would take longer to load than all of the
 * rest of it: given these, it does not load them, and the bundle leaves them out.
 */
const NO_SCHEMAS = {
  compilersFactory: { buildValidator: () => noSchema, buildSerializer: () => noSchema },
};

function noSchema(): never {
  assert.fail('no route has a JSON schema');
}

type AnswerTo = (request: IncomingMessage, error: JobError) => ErrorAnswer;

interface Paths {
  paths: PathTable;
  answerTo: AnswerTo;
}

/** Decides who may call before anything else of the request is looked at. */
function guarded(route: RequestListener, options: JobServerOptions, { paths, answerTo }: Paths): RequestListener {
  const { bound, token } = options;
  const guard = createGuard({ host: bound.host, token });
  return (request, response) => {
    const { isOpen = false, admit, callers } = paths.of(request.url ?? '');
    if (callers !== undefined) allowOrigin(request, response, callers);
    const isAsking = callers !== undefined && isPreflight(request);
    try {
      guard(request.headers, { needsToken: !(isOpen || isAsking || isChallenge(request) || isProven(request)), callers });
      if (isAsking) return void response.writeHead(204).end();
      admit?.(request);
    } catch (cause) {
      if (!(cause instanceof JobError)) throw cause;
      return refuse(response, answerTo(request, cause));
    }
    return isChallenge(request) ? void prove(request, response, options) : route(request, response);
  };
}

/** Proves this daemon to a caller, before the caller sends anything: another program may have this port. */
async function prove(request: IncomingMessage, response: ServerResponse, options: JobServerOptions): Promise<void> {
  const { role, token, secretFile } = options;
  const header = await answerChallenge(request, { role, token, secretFile });
  if (header === undefined) {
    const error = new JobError('not_found', 'This daemon does not have the secret that the challenge names');
    return refuse(response, errorAnswerOf(error, role));
  }
  response.writeHead(204, { [PROOF_HEADER]: header }).end();
}

function health({ role, name, version, home }: JobServerOptions, started: number): Health {
  return { role, name, version, uptime_s: Math.round((performance.now() - started) / 1000), pid: process.pid, home };
}

/** What Fastify compares for a body without `Content-Type`: neither a type nor a subtype. */
const NO_TYPE = /^\/?$/;

/**
 * JSON only. `curl -d` without a header declares a form, and some clients declare nothing; both are taken as JSON too, but never from a
 * browser, where these are POSTs that another site may send unasked.
 */
function acceptJson(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, async (_request: unknown, body: Buffer) => asText(body));
  for (const type of ['application/x-www-form-urlencoded', NO_TYPE])
    app.addContentTypeParser(type, { parseAs: 'buffer' }, async ({ headers }: FastifyRequest, body: Buffer) => {
      const fromBrowser = headers.origin !== undefined || headers['sec-fetch-site'] !== undefined;
      if (fromBrowser) throw new JobError('unsupported_media_type', "Content-Type must be 'application/json'");
      return asText(body);
    });
}

/** What is not UTF-8 would be changed by decoding it. */
function asText(body: Buffer): string {
  if (!isUtf8(body)) throw new JobError('invalid_json', 'The body is not UTF-8');
  return body.toString();
}

function answerErrors(app: FastifyInstance, answerTo: AnswerTo, logger: Logger): void {
  app.setErrorHandler((cause: FastifyError | JobError, request, reply) => {
    const error = asJobError(cause, request.routeOptions.bodyLimit);
    // A client that is still sending would lose the answer with the connection. Node reads and discards the rest, within its deadline.
    if (error.code === 'body_too_large') void reply.header('connection', 'keep-alive');
    if (error.code === 'internal')
      logger.error({ err: cause, route: request.routeOptions.url }, 'unexpected failure in a request');
    const { status, headers, body } = answerTo(request.raw, error);
    return reply.code(status).headers(headers).send(body);
  });
  app.setNotFoundHandler((request) => {
    throw new JobError('not_found', `Nothing is served at ${request.method} ${request.url.slice(0, 200)}`);
  });
}

function asJobError(cause: FastifyError | JobError, bodyLimitBytes: number): JobError {
  if (cause instanceof JobError) return cause;
  switch (cause.code) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return new JobError('body_too_large', `The body is over ${bodyLimitBytes} bytes`, { cause });
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return new JobError('unsupported_media_type', "Content-Type must be 'application/json'", { cause });
    default:
      break;
  }
  // Such as a compressed body that is cut.
  const reason = cause.code.startsWith('FST_') ? cause.message : `The body cannot be read: ${cause.message}`;
  if (cause.statusCode !== undefined && cause.statusCode < 500) return new JobError('invalid_input', reason, { cause });
  return new JobError('internal', 'Unexpected failure; the log has the cause', { cause });
}

function serveJobs(app: FastifyInstance, { role, registry, findPeer }: JobServerOptions, feeds: Feeds): void {
  const create = (valuesLimit: number) => async (request: FastifyRequest, reply: FastifyReply) => {
    const body = typeof request.body === 'string' ? request.body : '';
    const correlationId = correlationIdOf(request.headers);
    void reply.header(CORRELATION_HEADER, correlationId);
    const asked = parseRequest(body, { role, handlers: registry.handlers, valuesLimit });
    const created = registry.create(asked, {
      correlationId,
      idempotencyKey: idempotencyKeyOf(request),
      body,
      killedWorkers: killedWorkersOf(request.headers),
    });
    // Looked at while the job is being stored.
    const [{ job_id, correlation_id }, isClientThere] = await Promise.all([created, isAwaited(request.raw)]);
    registry.answered(job_id, isClientThere);
    const feed = isClientThere ? request.headers[FEED_HEADER] : undefined;
    const followed = feed === undefined ? {} : { followed: feeds.followNew(feed, job_id) };
    return { job_id, sse_url: `/v1/jobs/${job_id}/stream`, correlation_id, ...followed };
  };
  app.post('/v1/jobs', create(BODY_LIMITS.values));
  const { bytes, values } = PROVEN_BODY_LIMITS;
  app.post('/v1/jobs', { bodyLimit: bytes, constraints: { proven: 'yes' } }, create(values));
  app.get('/v1/jobs', (request) => ({ jobs: registry.find(queryOf(request)) }));
  app.get<{ Params: { id: string } }>('/v1/jobs/:id', (request) => registry.get(request.params.id));
  app.get<{ Params: { id: string }; Querystring: { within_ms?: string } }>('/v1/jobs/:id/trace', (request) => {
    const asked = Number(request.query.within_ms);
    const withinMs = asked > 0 && asked < TRACE_DEADLINE_MS ? asked : TRACE_DEADLINE_MS;
    return traceJob(registry.get(request.params.id), { findPeer, withinMs });
  });
  app.delete<{ Params: { id: string } }>('/v1/jobs/:id', async (request) => {
    const { job_id } = await registry.cancel(request.params.id, 'requested by a client');
    return { job_id, status: 'cancelled' };
  });
}

function idempotencyKeyOf({ headers }: FastifyRequest): string | undefined {
  const key = headers['idempotency-key'];
  if (key === undefined) return undefined;
  if (typeof key === 'string' && /^[\x21-\x7e]{1,256}$/.test(key)) return key;
  throw new JobError('invalid_input', 'Idempotency-Key: must be 1 to 256 visible characters');
}

const jobQuery = z.strictObject({
  state: z.enum(jobStates).optional(),
  operation: z.string().max(64).optional(),
  correlation_id: z.string().max(128).optional(),
  id_prefix: z.string().max(68).optional(),
  limit: z.coerce.number().int().min(1).max(LISTED_JOBS_LIMIT).default(100),
});

function queryOf(request: FastifyRequest): JobQuery {
  const parsed = jobQuery.safeParse(request.query);
  if (!parsed.success)
    throw new JobError(
      'invalid_input',
      `query: ${parsed.error.issues.map((issue) => `${issue.path.join('.')} ${issueWords(issue)}`.trim().slice(0, 100)).join('; ')}`,
    );
  const { limit, id_prefix, ...rest } = parsed.data;
  const where = Object.fromEntries(Object.entries(rest).filter((entry): entry is [string, string] => entry[1] !== undefined));
  return { where, limit, ...(id_prefix === undefined ? {} : { keyPrefix: id_prefix }) };
}
