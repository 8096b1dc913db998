import * as http from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { good, startBreakingServer } from '../testing/breaking-server.ts';
import { fakeModel, testStore, watch } from '../testing/test-store.ts';

const served = { content: fakeModel(50_000), etag: '"v1"' };
const asked: string[] = [];
let proxy: http.Server;
let tunnelStatus = 502;

beforeEach(async () => {
  asked.length = 0;
  proxy = http.createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    void good(served)(request, response);
  });
  proxy.on('connect', (request, socket) => {
    asked.push(`CONNECT ${request.url}`);
    socket.end(`HTTP/1.1 ${tunnelStatus} no\r\n\r\n`);
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  for (const name of ['http_proxy', 'https_proxy', 'HTTP_PROXY', 'HTTPS_PROXY']) vi.stubEnv(name, url);
  for (const name of ['no_proxy', 'NO_PROXY']) vi.stubEnv(name, 'direct.invalid');
});

afterEach(async () => {
  vi.unstubAllEnvs();
  proxy.closeAllConnections();
  await new Promise((resolve) => proxy.close(resolve));
});

test('an http URL is fetched through the proxy of the environment, without a tunnel', async () => {
  using test = testStore();
  await watch(test.store, { source: 'http://models.invalid/bee.gguf' }).model;
  expect(asked).toEqual(['GET http://models.invalid/bee.gguf']);
});

test.each([
  [502, /the proxy does not connect to it \(HTTP 502\)\. The hive uses a proxy \(http_proxy,/, 4],
  [407, /the proxy requires a login \(HTTP 407\)/, 1],
])('an https URL is fetched through a tunnel; the error says that the proxy answered HTTP %i', async (code, sentence, tries) => {
  using test = testStore();
  tunnelStatus = code;
  await expect(watch(test.store, { source: 'https://models.invalid/bee.gguf' }).model).rejects.toThrow(sentence);
  expect(asked).toEqual(Array.from({ length: tries }, () => 'CONNECT models.invalid:443'));
});

test('this machine and the hosts of NO_PROXY are reached directly', async () => {
  using test = testStore();
  await using server = await startBreakingServer(good(served));
  await watch(test.store, { source: server.url }).model;
  await expect(watch(test.store, { source: 'http://direct.invalid/wasp.gguf' }).model).rejects.toThrow(
    /host name not found|could not be looked up/,
  );
  expect(asked).toEqual([]);
});

test('a proxy that is not a URL is named, and its value is not repeated', async () => {
  using test = testStore();
  vi.stubEnv('HTTPS_PROXY', 'maja:secret@proxy:3128');
  const { model } = watch(test.store, { source: 'http://models.invalid/bee.gguf' });
  await expect(model).rejects.toThrow('HTTPS_PROXY, in the environment of the hive, is not the URL of a proxy');
  await expect(model).rejects.not.toThrow('secret');
});
