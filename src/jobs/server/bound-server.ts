import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { deferred } from '../../contract/index.ts';
import { ANSWER_DEADLINE_MS, BACKLOG, HEADERS_DEADLINE_MS } from '../limits.ts';

/** A bound port. Its requests wait until a job server answers them. */
export interface BoundServer {
  server: Server;
  host: string;
  port: number;
  answerWith(listener: RequestListener): void;
}

/** How often Node checks for requests that are past their deadline. */
const LOOK_INTERVAL_MS = 2_000;

/**
 * Binds a port. The port is the lock between two daemons of one home, so this comes before anything of the home is touched.
 * @param port 0 for any free one
 * @throws Node's own error, EADDRINUSE when another program has the port
 */
export async function bindServer(host: string, port: number): Promise<BoundServer> {
  const { promise: answering, resolve: answerWith } = deferred<RequestListener>();
  let listener: RequestListener | undefined;
  void answering.then((answering) => (listener = answering));
  const server = createServer({
    headersTimeout: HEADERS_DEADLINE_MS,
    requestTimeout: ANSWER_DEADLINE_MS,
    connectionsCheckingInterval: LOOK_INTERVAL_MS,
    // The guard refuses requests without one, with an rbee error.
    requireHostHeader: false,
  });
  const take: RequestListener = (request, response) => {
    if (listener === undefined) void answering.then((late) => late(request, response));
    else listener(request, response);
  };
  server.on('request', take);
  // What it expects beyond HTTP's own '100-continue' is refused by being served, as RFC 9110 allows.
  server.on('checkExpectation', take);
  // Longer than our clients keep a connection, so that it is never closed under a request.
  server.keepAliveTimeout = 65_000;
  // Many clients may come at once, after a restart for example; the system's own limit bounds it.
  server.listen({ host, port, backlog: BACKLOG });
  await once(server, 'listening');
  return { server, host, port: (server.address() as AddressInfo).port, answerWith };
}
