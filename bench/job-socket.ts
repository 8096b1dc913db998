import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { isTerminal } from '../src/contract/index.ts';
import { ChunkedBody, EventCutter, type WireEvent } from './event-stream.ts';

/**
 * Events of one job, read from a bare socket with as little work as possible: thousands of streams share this process, and the client must
 * not be the bottleneck.
 */
export interface JobSocket {
  /** The stream's head has arrived. */
  opened: Promise<void>;
  /** The job has completed, and every event came exactly once and in order. */
  ended: Promise<void>;
}

/** Posts a job and reads its stream, both on one connection. `onEvents` gets what one read from the socket brought. */
export function openJob(port: number, request: object, onEvents: (events: WireEvent[]) => void): JobSocket {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  socket.setEncoding('latin1');
  socket.write(postOf(request));
  const opened = follow(socket);
  const ended = opened.then(async ({ stream, rest }) => readEvents(socket, { stream, rest, onEvents }));
  // Both are awaited later; a failure before that must not end the process.
  ended.catch(() => undefined);
  return { opened: opened.then(() => undefined), ended };
}

interface Head {
  stream: string;
  /** The part of the body that arrived with the head. */
  rest: string;
}

async function follow(socket: Socket): Promise<Head> {
  const answer = await readUntil(socket, '', /\r\n\r\n\{.*\}/s);
  const url = /"sse_url":"([^"]+)"/.exec(answer)?.[1];
  if (url === undefined) throw new Error(`no job was created: ${answer}`);
  socket.write(`GET ${url} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\n\r\n`);
  const text = await readUntil(socket, '', /\r\n\r\n/);
  const end = text.indexOf('\r\n\r\n') + 4;
  const stream = text.slice(0, end);
  if (!stream.startsWith('HTTP/1.1 200 ')) throw new Error(`no stream: ${text}`);
  return { stream, rest: text.slice(end) };
}

async function readUntil(socket: Socket, start: string, pattern: RegExp): Promise<string> {
  let text = start;
  while (!pattern.test(text)) {
    const [piece] = (await once(socket, 'data', { signal: AbortSignal.timeout(OPEN_DEADLINE_MS) })) as [string];
    text += piece;
  }
  return text;
}

const OPEN_DEADLINE_MS = 30_000;

interface Reading extends Head {
  onEvents: (events: WireEvent[]) => void;
}

function readEvents(socket: Socket, { stream, rest, onEvents }: Reading): Promise<void> {
  const body = /^transfer-encoding: chunked/im.test(stream) ? new ChunkedBody() : undefined;
  const cutter = new EventCutter();
  let last = 0;
  return new Promise((resolve, reject) => {
    const read = (piece: string) => {
      const events = cutter.push(body === undefined ? piece : body.push(piece));
      for (const { seq, kind, text } of events) {
        if (seq !== last + 1) throw new Error(`events jumped from ${last} to ${seq}`);
        last = seq;
        if (!isTerminal(kind)) continue;
        if (kind !== 'result') throw new Error(`the job ended as ${kind}: ${text}`);
        socket.destroy();
        resolve();
      }
      onEvents(events);
    };
    const take = (piece: string) => {
      try {
        read(piece);
      } catch (cause) {
        socket.destroy(cause as Error);
      }
    };
    socket.on('data', take);
    socket.on('error', reject);
    socket.on('close', () => reject(new Error('the stream broke')));
    take(rest);
  });
}

/** The request, as it goes over the wire. */
export function postOf(request: object): string {
  const body = JSON.stringify(request);
  const head = `Host: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}`;
  return `POST /v1/jobs HTTP/1.1\r\n${head}\r\n\r\n${body}`;
}
