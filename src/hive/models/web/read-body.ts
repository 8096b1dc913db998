import { PassThrough } from 'node:stream';
import type { Patience } from '../limits.ts';
import { Interruption } from '../source.ts';
import type { Response, WebClient } from './web-client.ts';

const RECEIVE_BUFFER_BYTES = 256 * 1024;

interface Reading {
  client: WebClient;
  label: string;
  patience: Patience;
}

/**
 * Through a buffer, from the start: a stream that breaks drops the bytes that it has received and that are not read yet,
 * and tells of it only those who already listen.
 * @throws Interruption where it stops before its end
 */
export function readBody({ body }: Response, { client, label, patience }: Reading): AsyncIterable<Uint8Array> {
  const received = new PassThrough({ highWaterMark: RECEIVE_BUFFER_BYTES });
  let failure: Error | undefined;
  body.on('error', (cause) => {
    failure = client.inOurWords(cause);
    received.end();
  });
  body.pipe(received);
  const slow = slowness(label, patience);
  return read();

  async function* read(): AsyncGenerator<Uint8Array, void, void> {
    try {
      for await (const piece of received as AsyncIterable<Uint8Array>) {
        slow(piece.length);
        yield piece;
      }
    } finally {
      body.destroy();
    }
    if (failure !== undefined) throw failure;
  }
}

/** To be called for each piece. @throws Interruption when they come too slowly to be of use */
function slowness(label: string, { slow: { bytesPerS, forMs } }: Patience): (bytes: number) => void {
  let since = performance.now();
  let bytes = 0;
  return (more) => {
    bytes += more;
    const ms = performance.now() - since;
    if (ms < forMs) return;
    const sentence = `Cannot fetch ${label}: ${bytes} bytes came in ${Math.round(ms / 1000)} s, which is too slow to go on`;
    if (bytes < (bytesPerS * ms) / 1000) throw new Interruption(sentence, { isFruitless: true });
    since = performance.now();
    bytes = 0;
  };
}
