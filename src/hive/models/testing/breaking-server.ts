import { once } from 'node:events';
import * as http from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';

export type Answer = (request: http.IncomingMessage, response: http.ServerResponse) => Promise<void> | void;

export interface BreakingServer extends AsyncDisposable {
  url: string;
  /** The headers of each request, in order. */
  requests: http.IncomingHttpHeaders[];
  /** What it will answer from now on: one answer a request, the last one again and again. */
  answer(...answers: Answer[]): void;
}

/** A real HTTP server with programmable failures. */
export async function startBreakingServer(...first: Answer[]): Promise<BreakingServer> {
  let answers = first;
  const requests: http.IncomingHttpHeaders[] = [];
  const server = http.createServer((request, response) => {
    requests.push({ ...request.headers });
    const next = answers.length > 1 ? answers.shift() : answers[0];
    Promise.resolve(next?.(request, response)).catch(() => response.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/models/bee.gguf?signature=secret`,
    requests,
    answer: (...next) => void (answers = next),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

export interface Served {
  content: Buffer;
  etag?: string | undefined;
  lastModified?: string;
  /** What it says of the content, whatever that is. */
  encoding?: string;
}

/** What a good server does: Range and If-Range as RFC 9110 has them. */
export function good(served: Served): Answer {
  return (request, response) => {
    const { status, headers, body } = answerTo(request, served);
    response.writeHead(status, headers).end(body);
  };
}

/** The same, but the connection ends after so many bytes of the body. */
export function cutAfter(bytes: number, served: Served): Answer {
  return async (request, response) => {
    const { status, headers, body } = answerTo(request, served);
    response.writeHead(status, headers);
    await written(response, body.subarray(0, bytes));
    response.socket?.destroy();
  };
}

/** The same, but after so many bytes it says nothing more and leaves the connection open. */
export function silentAfter(bytes: number, served: Served): Answer {
  return async (request, response) => {
    const { status, headers, body } = answerTo(request, served);
    response.writeHead(status, headers);
    await written(response, body.subarray(0, bytes));
  };
}

/** The same, in small pieces with a pause after each. */
export function dripping(drip: { pieces: number; pauseMs: number }, served: Served): Answer {
  return async (request, response) => {
    const { status, headers, body } = answerTo(request, served);
    response.writeHead(status, headers);
    const size = Math.ceil(body.length / drip.pieces);
    for (let at = 0; at < body.length && !response.destroyed; at += size) {
      await written(response, body.subarray(at, at + size));
      await wait(drip.pauseMs);
    }
    response.end();
  };
}

/** Never a part, always the whole file. */
export function ignoringRange(answer: Answer): Answer {
  return (request, response) => {
    delete request.headers.range;
    return answer(request, response);
  };
}

/** The length is not said before, as with a body that is made on the way. */
export function chunked({ content, etag }: Served): Answer {
  return (_, response) => {
    response.writeHead(200, etag === undefined ? {} : { etag });
    response.write(content.subarray(0, 1)); // The rest in `end` alone would be given its length.
    response.end(content.subarray(1));
  };
}

export function status(code: number, headers: http.OutgoingHttpHeaders = {}, body = ''): Answer {
  return (_, response) => void response.writeHead(code, headers).end(body);
}

function answerTo(
  request: http.IncomingMessage,
  served: Served,
): { status: number; headers: http.OutgoingHttpHeaders; body: Buffer } {
  const { content, etag, lastModified, encoding } = served;
  const version = {
    ...(etag === undefined ? {} : { etag }),
    ...(lastModified === undefined ? {} : { 'last-modified': lastModified }),
    ...(encoding === undefined ? {} : { 'content-encoding': encoding }),
  };
  const ifRange = request.headers['if-range'];
  const [, start, end] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '') ?? [];
  if (start === undefined || (ifRange !== undefined && ifRange !== etag && ifRange !== lastModified)) {
    return { status: 200, headers: { 'content-length': content.length, ...version }, body: content };
  }
  const from = Number(start);
  if (from >= content.length) {
    return { status: 416, headers: { 'content-range': `bytes */${content.length}` }, body: Buffer.alloc(0) };
  }
  const body = content.subarray(from, end === '' ? content.length : Number(end) + 1);
  const range = `bytes ${from}-${from + body.length - 1}/${content.length}`;
  return { status: 206, headers: { 'content-length': body.length, 'content-range': range, ...version }, body };
}

async function written(response: http.ServerResponse, piece: Buffer): Promise<void> {
  await new Promise<void>((resolve) => response.write(piece, () => resolve()));
}
