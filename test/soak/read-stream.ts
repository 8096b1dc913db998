import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { StreamText, type StreamEvent } from './stream-text.ts';

/** How a client reads. */
export interface Manner {
  /** Characters that a slow reader takes at once, and its rest after that. */
  slow?: { characters: number; restMs: number } | undefined;
  /** Disconnects after this. */
  cutAfterMs?: number | undefined;
}

export interface Asked extends Manner {
  port: number;
  jobId: string;
  /** Number of the last event that the reader has. */
  after: number;
  onEvents: (events: StreamEvent[]) => void;
}

/** How one connection ended. */
export type Ending =
  | { kind: 'done' }
  /** Closed by either side, or silent. */
  | { kind: 'broken'; why: string }
  | { kind: 'refused'; answer: string };

/** Three pings missed. */
const SILENCE_MS = 12_000;

/** One connection, to its end: a bare socket, so that the reader sets the pace. Throws for what the protocol forbids. */
export async function readStream(asked: Asked): Promise<Ending> {
  const socket = connect({ port: asked.port, host: '127.0.0.1', noDelay: true });
  socket.setEncoding('utf8').setTimeout(SILENCE_MS, () => socket.destroy(new Error('silence')));
  const cut = asked.cutAfterMs === undefined ? undefined : setTimeout(() => socket.destroy(), asked.cutAfterMs);
  socket.write(
    `GET /v1/jobs/${asked.jobId}/stream HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\n` +
      `Last-Event-ID: ${asked.after}\r\n\r\n`,
  );
  try {
    return await readAnswer(piecesOf(socket, asked.slow), asked.onEvents);
  } finally {
    clearTimeout(cut);
    socket.destroy();
  }
}

async function readAnswer(pieces: AsyncGenerator<string>, onEvents: Asked['onEvents']): Promise<Ending> {
  const text = new StreamText();
  let head: string | undefined = '';
  try {
    for await (const piece of pieces) {
      if (head === undefined) {
        onEvents(text.push(piece));
        continue;
      }
      head += piece;
      const end = head.indexOf('\r\n\r\n');
      if (end < 0) continue;
      if (!head.startsWith('HTTP/1.1 200 ')) return { kind: 'refused', answer: head };
      const body: string = head.slice(end + 4);
      head = undefined;
      onEvents(text.push(body));
    }
  } catch (cause) {
    if (!isBroken(cause)) throw cause;
    return text.isDone ? { kind: 'done' } : { kind: 'broken', why: cause.message };
  }
  return text.isDone ? { kind: 'done' } : { kind: 'broken', why: 'connection closed' };
}

async function* piecesOf(socket: ReturnType<typeof connect>, slow: Manner['slow']): AsyncGenerator<string> {
  for await (const piece of socket as AsyncIterable<string>) {
    if (slow === undefined) yield piece;
    else {
      // The socket reads no more until this piece has been consumed.
      for (let at = 0; at < piece.length; at += slow.characters) {
        yield piece.slice(at, at + slow.characters);
        await delay(slow.restMs);
      }
    }
  }
}

function isBroken(cause: unknown): cause is Error {
  return cause instanceof Error && ('code' in cause || cause.message === 'silence');
}
