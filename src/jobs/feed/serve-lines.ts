import type { FastifyInstance } from 'fastify';
import { PING_LINE } from './feed-lines.ts';
import { FEED_PING_INTERVAL_MS, LINES_BUFFER_LIMIT_CHARS } from '../limits.ts';
import { beginOpenEnded } from '../server/open-ended.ts';

export const LINES_TYPE = 'application/x-ndjson';

/** One reader of an answer that lasts until its connection closes. */
export interface LineReader {
  /** One line, without its line break. @returns false when the reader is slow: further lines are buffered for it */
  write(line: string): boolean;
  /** Calls back once when the reader has read the buffered lines. */
  drained(callback: () => void): void;
  /** Ends the connection. */
  close(): void;
  readonly closed: AbortSignal;
}

/** Serves lines to any number of readers, with pings between them. A reader that does not read is disconnected, and may reconnect. */
export function serveLines(app: FastifyInstance, path: string, onReader: (reader: LineReader) => void): void {
  const pings = new Set<() => void>();
  const timer = setInterval(() => {
    for (const ping of pings) ping();
  }, FEED_PING_INTERVAL_MS);
  app.addHook('onClose', () => clearInterval(timer));

  app.get(path, (_request, reply) => {
    reply.hijack();
    const out = beginOpenEnded(reply.raw, { 'content-type': LINES_TYPE });
    const closed = new AbortController();
    const close = () => reply.raw.destroy();
    const write = (line: string) => {
      if (out.writableLength <= LINES_BUFFER_LIMIT_CHARS) return out.write(`${line}\n`);
      close();
      return false;
    };
    const ping = () => write(PING_LINE);
    pings.add(ping);
    reply.raw.on('close', () => {
      pings.delete(ping);
      closed.abort();
    });
    const drained = (callback: () => void) => void out.once('drain', callback);
    onReader({ write, drained, close, closed: closed.signal });
  });
}
