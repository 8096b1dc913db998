import { connect, type Socket } from 'node:net';
import { ChunkedBody, type WireEvent } from './event-stream.ts';
import type { JobSocket } from './job-socket.ts';

/** An API for chats as OpenAI's. */
export interface ChatApi {
  path: string;
  model: string;
  headers: Record<string, string>;
}

/** A token, or another event. */
export type Piece = Pick<WireEvent, 'kind' | 'text'>;

/** Posts a chat and reads its stream from a bare socket, as `openJob` does a job. `onEvents` gets what one read from the socket brought. */
export function openChat(
  port: number,
  chat: ChatApi & { prompt: string },
  onEvents: (events: readonly Piece[]) => void,
): JobSocket {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  socket.setEncoding('latin1');
  socket.write(postOf(chat));
  const reading = new ChatReading(socket, onEvents);
  const { opened, ended } = reading;
  // Both are awaited later; a failure before that must not end the process.
  for (const promise of [opened, ended]) promise.catch(() => undefined);
  return { opened, ended };
}

function postOf({ path, model, headers, prompt }: ChatApi & { prompt: string }): string {
  const body = JSON.stringify({ model, messages: [{ role: 'user', content: prompt }], stream: true });
  const all = { host: '127.0.0.1', 'content-type': 'application/json', 'content-length': String(body.length), ...headers };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return `POST ${path} HTTP/1.1\r\n${lines.join('')}\r\n${body}`;
}

const DONE = 'data: [DONE]';
/** The text of a token is digits. */
const TOKEN = /"content": ?"(\d+)"/;

class ChatReading {
  /** The request is sent: where a head is written with the first token, there is nothing else to wait for. */
  readonly opened: Promise<void>;
  readonly ended: Promise<void>;
  readonly #socket: Socket;
  readonly #onEvents: (events: readonly Piece[]) => void;
  #onEnded: () => void = () => undefined;
  /** Of the head, while that is not whole; then of the stream's last event. */
  #rest = '';
  #body: ChunkedBody | 'plain' | undefined;

  constructor(socket: Socket, onEvents: (events: readonly Piece[]) => void) {
    this.#socket = socket;
    this.#onEvents = onEvents;
    const failed = new Promise<never>((_, reject) => {
      socket.on('error', reject);
      socket.on('close', () => reject(new Error(`the stream broke: ${this.#rest.slice(0, 500)}`)));
    });
    this.opened = Promise.race([new Promise<void>((resolve) => socket.once('connect', resolve)), failed]);
    this.ended = Promise.race([new Promise<void>((resolve) => (this.#onEnded = resolve)), failed]);
    socket.on('data', (piece: string) => {
      try {
        this.#take(piece);
      } catch (cause) {
        socket.destroy(cause as Error);
      }
    });
  }

  #take(piece: string): void {
    if (this.#body !== undefined) return this.#read(this.#body, piece);
    this.#rest += piece;
    const end = this.#rest.indexOf('\r\n\r\n') + 4;
    if (end < 4) return;
    const head = this.#rest.slice(0, end);
    if (!head.startsWith('HTTP/1.1 200 ')) throw new Error(`no stream: ${this.#rest}`);
    const body = this.#rest.slice(end);
    this.#rest = '';
    this.#body = /^transfer-encoding: chunked/im.test(head) ? new ChunkedBody() : 'plain';
    this.#read(this.#body, body);
  }

  #read(body: ChunkedBody | 'plain', piece: string): void {
    const blocks = (this.#rest + (body === 'plain' ? piece : body.push(piece))).split('\n\n');
    this.#rest = blocks.pop() ?? '';
    const events: Piece[] = [];
    for (const block of blocks) {
      const token = TOKEN.exec(block)?.[1];
      if (token !== undefined) events.push({ kind: 'token', text: token });
      else if (block === DONE) this.#end();
      else if (block.startsWith('data: {"error"')) throw new Error(block);
    }
    this.#onEvents(events);
  }

  #end(): void {
    this.#onEnded();
    this.#socket.destroy();
  }
}
