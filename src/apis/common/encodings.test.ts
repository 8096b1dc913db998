import { brotliCompressSync, constants, deflateSync, gzipSync } from 'node:zlib';
import * as zlib from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { TestDaemon } from '../../jobs/fixtures/test-daemon.ts';
import { ask, bodies, json, model, startApis, type Route } from '../fixtures/test-apis.ts';

type Compress = (bytes: Uint8Array) => Uint8Array<ArrayBuffer>;
/** Zstandard is part of Node since version 22.15. */
const { zstdCompressSync } = zlib as typeof zlib & { zstdCompressSync?: Compress };
const encodings: [string, Compress][] = [
  ['gzip', gzipSync],
  ['deflate', deflateSync],
  ['br', (bytes) => brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } })],
  ...(zstdCompressSync === undefined ? [] : [['zstd', zstdCompressSync] as [string, Compress]]),
];

let daemon: TestDaemon;
beforeAll(async () => {
  daemon = await startApis(model().infer);
});
afterAll(() => daemon[Symbol.asyncDispose]());

function send(body: Uint8Array<ArrayBuffer>, encoding: string, route: Route = '/v1/responses'): Promise<Response> {
  return ask(daemon, route, { body, headers: { ...json, 'content-encoding': encoding } });
}

const plain = (route: Route) => Buffer.from(JSON.stringify(bodies[route]));

describe.each(encodings)('a body in %s', (encoding, compress) => {
  test.each(['/v1/responses', '/v1/messages', '/api/chat'] as const)('is accepted at %s', async (route) => {
    expect((await send(compress(plain(route)), encoding.toUpperCase(), route)).status).toBe(200);
  });

  test('is refused when it inflates to more than the limit', async () => {
    const response = await send(compress(Buffer.alloc(40 * 1024 * 1024)), encoding);
    expect([response.status, await response.text()]).toEqual([413, expect.stringContaining('over 33554432 bytes') as string]);
  });

  test.each(['cut', 'something else'])('is refused with a sentence when it is %s', async (what) => {
    const whole = compress(plain('/v1/responses'));
    const response = await send(what === 'cut' ? whole.subarray(0, -6) : Buffer.from('not compressed'), encoding);
    expect([response.status, await response.text()]).toEqual([
      400,
      expect.stringContaining('The body cannot be read: ') as string,
    ]);
  });
});

test.each(['rot13', 'gzip, br', ...(zstdCompressSync === undefined ? ['zstd'] : [])])('%s is not accepted', async (encoding) => {
  const response = await send(gzipSync(plain('/v1/responses')), encoding);
  expect([response.status, await response.text()]).toEqual([
    415,
    expect.stringContaining('is not one of gzip, x-gzip, deflate, br') as string,
  ]);
});
