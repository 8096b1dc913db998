import { Agent, request, type IncomingMessage } from 'node:http';
import { authorize } from '../proof/index.ts';
import { ANSWER_DEADLINE_MS, CONNECT_DEADLINE_MS } from './limits.ts';
import { DeadlineError, type Deadline, type Peer } from './peer.ts';

export interface Exchange {
  method: 'GET' | 'POST' | 'DELETE';
  path: string;
  body?: string;
  headers?: Record<string, string>;
  signal?: AbortSignal | undefined;
  /** Until the head of the answer; ANSWER_DEADLINE_MS when left out. */
  answerWithinMs?: number;
}

/** Connections are kept and used again; one that idles keeps no process alive. More than these at once would only queue elsewhere. */
const agent = new Agent({ keepAlive: true, maxSockets: 256 });

/**
 * Sends a request and resolves with the head of its answer. Node's own client, because the command line starts 40 ms
 * sooner without another. On a new connection a peer proves itself first: until then it is sent nothing of the request.
 * @throws Node's network errors, DeadlineError, the signal's AbortError
 */
export function exchange(
  peer: Peer,
  { method, path, body, headers, signal, answerWithinMs }: Exchange,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const outgoing = request({
      agent,
      host: peer.host,
      port: peer.port,
      method,
      path,
      headers: {
        ...(body === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }),
        ...headers,
      },
      ...(signal === undefined ? {} : { signal }),
    });
    const late = (deadline: Deadline, withinMs: number) =>
      // What arrived while this process itself stood still is looked at first.
      setTimeout(() => setImmediate(() => outgoing.destroy(new DeadlineError(deadline, withinMs))), withinMs);
    // A connection has to be free first, when many calls are under way.
    let timer = late('ANSWER_DEADLINE', ANSWER_DEADLINE_MS);
    const next = (deadline: Deadline, withinMs: number) => {
      clearTimeout(timer);
      timer = late(deadline, withinMs);
    };
    const connected = () => next('ANSWER_DEADLINE', answerWithinMs ?? ANSWER_DEADLINE_MS);
    const { trust, role } = peer;
    outgoing.once('socket', (socket) => {
      if (socket.connecting) {
        next('CONNECT_DEADLINE', CONNECT_DEADLINE_MS);
        socket.once('connect', connected);
      } else connected();
      if (trust === undefined) return;
      const send = (authorization: string) => {
        if (outgoing.destroyed) return;
        connected();
        outgoing.setHeader('authorization', authorization).end(body);
      };
      authorize(socket, { trust, role }).then(send, (cause: Error) => outgoing.destroy(cause));
    });
    outgoing.once('response', (response) => {
      clearTimeout(timer);
      resolve(response);
    });
    // Not once: an error may follow the one that settled this, and must not go unheard.
    outgoing.on('error', (cause) => {
      clearTimeout(timer);
      reject(cause);
    });
    if (trust === undefined) outgoing.end(body);
  });
}

export async function textOf(response: IncomingMessage): Promise<string> {
  response.setEncoding('utf8');
  let text = '';
  for await (const chunk of response) text += chunk as string;
  return text;
}
