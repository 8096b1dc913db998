import { Agent, request, type IncomingMessage } from 'node:http';
import { finished } from 'node:stream/promises';
import { authorize } from '../../proof/index.ts';
import { ANSWER_DEADLINE_MS, ANSWER_LIMITS, CONNECT_DEADLINE_MS, INTERIM_LIMIT, PIECE_CHARS } from '../limits.ts';
import type { Peer } from './peer.ts';
import { badResponse, ConnectionClosedError, DeadlineError, type Deadline } from './peer-errors.ts';

export interface Exchange {
  method: 'GET' | 'POST' | 'DELETE';
  path: string;
  body?: string;
  headers?: Record<string, string>;
  signal?: AbortSignal | undefined;
  /** Until the head of the answer, and from there to its end where it is read as text; ANSWER_DEADLINE_MS when left out. */
  answerWithinMs?: number | undefined;
  /** What the answer may take, where that is more than of others. */
  answerLimits?: AnswerLimits | undefined;
}

export interface AnswerLimits {
  answerChars: number;
  values: number;
}

/** Connections are kept and used again; one that idles keeps no process alive. More than these at once would only queue elsewhere. */
const agent = new Agent({ keepAlive: true, maxSockets: 256 });

/**
 * Sends a request and resolves with the head of its answer. Node's own client, because the command line starts 40 ms
 * sooner without another. On a new connection a peer proves itself first: until then it is sent nothing of the request.
 * Settles whatever the other side does. What breaks later ends the answer with that error.
 * @throws Node's network errors, DeadlineError, the signal's AbortError; JobError <role>_bad_response for an answer that is none
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
    const settle = (how: () => void) => {
      clearTimeout(timer);
      how();
    };
    let interim = 0;
    outgoing.on('information', () => {
      interim += 1;
      if (interim > INTERIM_LIMIT) outgoing.destroy(badResponse(peer, `The ${peer.role} sends interim answers and no answer`));
    });
    // Without a listener Node closes the connection without an event.
    outgoing.once('upgrade', (_response, socket) => {
      socket.destroy();
      settle(() => reject(badResponse(peer, `The ${peer.role} switched to another protocol`)));
    });
    let answer: IncomingMessage | undefined;
    outgoing.once('response', (response) => {
      answer = response;
      settle(() => resolve(response));
    });
    // Not once: an error may follow the one that settled this, and must not go unheard.
    outgoing.on('error', (cause) => {
      // Malformed HTTP in the middle of an answer is reported only here.
      answer?.destroy(cause);
      settle(() => reject(cause));
    });
    outgoing.once('close', () => settle(() => reject(new ConnectionClosedError())));
    if (trust === undefined) outgoing.end(body);
  });
}

type AnswerBounds = Pick<Exchange, 'answerWithinMs' | 'answerLimits'>;

/**
 * All of an answer, which is to be short.
 * @throws JobError <role>_bad_response when it is longer than such answers are; DeadlineError when it is not all there in time
 */
export async function textOf(
  peer: Peer,
  response: IncomingMessage,
  { answerWithinMs: withinMs = ANSWER_DEADLINE_MS, answerLimits = ANSWER_LIMITS[peer.role] }: AnswerBounds = {},
): Promise<string> {
  const { answerChars } = answerLimits;
  // A peer may send its head and then nothing more, or so little at a time that it never ends.
  const timer = setTimeout(() => response.destroy(new DeadlineError('ANSWER_DEADLINE', withinMs)), withinMs);
  try {
    return await piecesOf(response, (chars) => {
      if (chars > answerChars) throw badResponse(peer, `The ${peer.role} answered with more than ${answerChars} characters`);
    });
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Collects a body by its `data` events, one for each chunk on the wire: an async iterator joins the chunks that have arrived, and would count
 * a million chunks of one character as a megabyte.
 * @param check called with the cost so far; what it throws ends the response
 */
async function piecesOf(response: IncomingMessage, check: (chars: number) => void): Promise<string> {
  const pieces: string[] = [];
  let chars = 0;
  response.setEncoding('utf8').on('data', (piece: string) => {
    pieces.push(piece);
    chars += piece.length + PIECE_CHARS;
    try {
      check(chars);
    } catch (cause) {
      response.destroy(cause as Error);
    }
  });
  await finished(response);
  return pieces.join('');
}
