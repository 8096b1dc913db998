import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { Agent, createServer, request, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { answerQuestions } from './child.ts';

/** The bare limit: node:http alone, giving the answers that a job server gives. */
export interface BareOptions {
  /** What a stream says, and then ends. Left out: it stays open and says nothing. */
  stream?: string;
  /** Passes every request on to this port instead. */
  upstreamPort?: number;
}

const options = JSON.parse(process.argv[2] ?? '{}') as BareOptions;
const agent = new Agent({ keepAlive: true });

const server = createServer((incoming, response) => {
  if (options.upstreamPort !== undefined) passOn(incoming, response, options.upstreamPort);
  else if (incoming.method === 'POST') create(incoming, response);
  else stream(response);
});
server.listen(0, '127.0.0.1');
await once(server, 'listening');

function create(incoming: IncomingMessage, response: ServerResponse): void {
  let body = '';
  incoming.setEncoding('utf8');
  incoming.on('data', (piece: string) => (body += piece));
  incoming.on('end', () => {
    JSON.parse(body);
    const job_id = `job-${randomUUID()}`;
    const answer = JSON.stringify({ job_id, sse_url: `/v1/jobs/${job_id}/stream`, correlation_id: '0'.repeat(32) });
    response.writeHead(200, { 'content-type': 'application/json; charset=utf-8', 'content-length': answer.length });
    response.end(answer);
  });
}

function stream(response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-cache, no-transform' });
  if (options.stream === undefined) response.flushHeaders();
  else response.end(options.stream);
}

function passOn(incoming: IncomingMessage, response: ServerResponse, port: number): void {
  const { method, url: path, headers } = incoming;
  const outgoing = request({ agent, host: '127.0.0.1', port, method, path, headers }, (answer) => {
    response.writeHead(answer.statusCode ?? 0, answer.headers);
    answer.pipe(response);
  });
  incoming.pipe(outgoing);
}

answerQuestions(() => (server.address() as AddressInfo).port);
