import type { Transform } from 'node:stream';
import * as zlib from 'node:zlib';
import type { preParsingAsyncHookHandler } from 'fastify';
import { JobError } from '../../contract/index.ts';

/** Zstandard is part of Node since version 22.15. */
type Zlib = typeof zlib & { createZstdDecompress?: () => Transform };

const decoders: Record<string, (() => Transform) | undefined> = {
  gzip: () => zlib.createGunzip(),
  'x-gzip': () => zlib.createGunzip(),
  deflate: () => zlib.createInflate(),
  br: () => zlib.createBrotliDecompress(),
  zstd: (zlib as Zlib).createZstdDecompress,
};

/**
 * Decompresses a body as it arrives. The limit of the body's size counts for what comes out, and ends the reading.
 * @throws JobError unsupported_media_type for an encoding that is not known
 */
export const decodeBody: preParsingAsyncHookHandler = async ({ headers }, reply, payload) => {
  const encoding = headers['content-encoding']?.trim().toLowerCase();
  if (encoding === undefined || encoding === '' || encoding === 'identity') return payload;
  const create = Object.hasOwn(decoders, encoding) ? decoders[encoding] : undefined;
  if (create === undefined) {
    const known = Object.keys(decoders).filter((name) => decoders[name] !== undefined);
    throw new JobError(
      'unsupported_media_type',
      `Content-Encoding '${encoding.slice(0, 50)}' is not one of ${known.join(', ')}`,
      { hint: '' },
    );
  }
  const decoded = Object.assign(create(), { receivedEncodedLength: 0 });
  payload.on('data', (chunk: Buffer) => (decoded.receivedEncodedLength += chunk.length));
  payload.on('error', (cause) => decoded.destroy(cause));
  // The rest of a body that is refused is read and discarded, so that the client gets the answer.
  reply.raw.on('finish', () => {
    payload.unpipe(decoded).resume();
    decoded.destroy();
  });
  return payload.pipe(decoded);
};
