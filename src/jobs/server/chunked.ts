import type { ServerResponse } from 'node:http';
import type { Writable } from 'node:stream';

/** Where the text of an answer is written. */
export interface ChunkedAnswer {
  /** @returns false when the client is slow; `drained` then calls back once */
  write(text: string): boolean;
  drained(callback: () => void): void;
  readonly isFull: boolean;
}

/**
 * Starts an answer in chunks, after which the connection serves the next request; `response.end()` ends it. Each text is one chunk and one
 * write to the socket: Node writes a chunk as three pieces in a later turn, which takes twice the time.
 */
export function beginChunked(response: ServerResponse, headers: Record<string, string>): ChunkedAnswer {
  response.writeHead(200, headers);
  const { socket } = response;
  // One packet for the head and the first text.
  socket?.cork();
  response.flushHeaders();
  if (socket) process.nextTick(() => socket.uncork());
  // HTTP/1.0 has no chunks. A request that was pipelined behind another has no socket yet; then Node keeps what is written until it has.
  const own = socket && response.chunkedEncoding ? socket : undefined;
  const out: Writable = own ?? response;
  return {
    write(text) {
      if (!own) return response.write(text);
      // An empty chunk would be the end of the answer.
      return text === '' ? !own.writableNeedDrain : own.write(`${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`);
    },
    drained: (callback) => void out.once('drain', callback),
    get isFull() {
      return out.writableNeedDrain;
    },
  };
}
