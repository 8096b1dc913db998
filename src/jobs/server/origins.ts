import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Callers } from './path-rules.ts';

/** A browser asks whether a page may send the request that it wants to send. Such a question never has a token. */
export function isPreflight({ method, headers }: IncomingMessage): boolean {
  return method === 'OPTIONS' && headers.origin !== undefined && headers['access-control-request-method'] !== undefined;
}

/** Lets the page read the answer, if its origin is allowed. Clients send headers of their own, so all headers are allowed. */
export function allowOrigin({ headers }: IncomingMessage, response: ServerResponse, { allowsOrigin }: Callers): void {
  const { origin } = headers;
  if (origin === undefined || !allowsOrigin(origin)) return;
  response.setHeader('access-control-allow-origin', origin);
  response.setHeader('vary', 'Origin, Access-Control-Request-Headers');
  response.setHeader('access-control-expose-headers', EXPOSED);
  const asked = headers['access-control-request-headers'];
  if (headers['access-control-request-method'] === undefined) return;
  response.setHeader('access-control-allow-methods', 'GET, HEAD, POST, DELETE');
  response.setHeader('access-control-max-age', '86400');
  if (asked !== undefined) response.setHeader('access-control-allow-headers', asked);
}

const EXPOSED = 'x-rbee-job-id, x-correlation-id, request-id, x-request-id, retry-after, retry-after-ms, x-should-retry';
