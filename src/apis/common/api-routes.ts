import type { FastifyReply, FastifyRequest } from 'fastify';
import type { OperationName } from '../../contract/index.ts';
import type { RoleRoutes } from '../../jobs/index.ts';
import type { ApiRequest } from './answer.ts';
import { decodeBody } from './decode-body.ts';
import { idHeaders, idsOf } from './request-ids.ts';
import { runRequest } from './run-request.ts';

/** Images and long conversations are larger than any other request. */
export const API_BODY_LIMIT_BYTES = 32 * 1024 * 1024;

const POST_OPTIONS = { bodyLimit: API_BODY_LIMIT_BYTES, preParsing: decodeBody };

/** Turns a request into the jobs that it asks for. @throws JobError */
export type Translate<Name extends OperationName> = (request: FastifyRequest) => ApiRequest<Name>;

/** POST `path`: runs the jobs that the request translates into. The body is a string: `parseBody` parses it. */
export function serveJobsAt<Name extends OperationName>(
  { app, registry }: RoleRoutes,
  path: string,
  translate: Translate<Name>,
): void {
  app.post(path, POST_OPTIONS, (request, reply) => runRequest(registry, { request, reply }, translate(request)));
}

/** The same for a request that may need no job: the body of its answer, or what `run` returns. */
export function serveAnswersAt(
  { app, registry }: RoleRoutes,
  { path, method = 'POST' }: { path: string; method?: 'GET' | 'POST' | 'DELETE' },
  answer: (request: FastifyRequest, run: RunRequest) => object | Promise<object | undefined>,
): void {
  const handler = async (request: FastifyRequest, reply: FastifyReply) => {
    void reply.headers(idHeaders(idsOf(request.raw)));
    return answer(request, (translated) => runRequest(registry, { request, reply }, translated));
  };
  app.route({ method, url: path, ...POST_OPTIONS, handler });
}

/** Runs the jobs of the request. @throws JobError */
export type RunRequest = <Name extends OperationName>(translated: ApiRequest<Name>) => Promise<object | undefined>;

/** GET `path`, and HEAD: answers at once. */
export function serveAt(
  { app }: RoleRoutes,
  path: string,
  answer: (request: FastifyRequest, reply: FastifyReply) => object,
): void {
  app.get(path, (request, reply) => {
    void reply.headers(idHeaders(idsOf(request.raw)));
    return answer(request, reply);
  });
}
