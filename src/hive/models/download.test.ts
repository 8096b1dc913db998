import { fork } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import * as net from 'node:net';
import * as path from 'node:path';
import { build } from 'esbuild';
import { expect, test } from 'vitest';
import type { Model } from '../../contract/index.ts';
import { parseAddress } from './address.ts';
import {
  chunked,
  cutAfter,
  dripping,
  good,
  ignoringRange,
  silentAfter,
  startBreakingServer,
  status,
  type Answer,
} from './testing/breaking-server.ts';
import { actionsOf, fakeModel, IMPATIENT, sha256, testStore, TINY_FILE, watch } from './testing/test-store.ts';

const content = fakeModel(200_000);
const served = { content, etag: '"v1"' };
const name = 'bee';
/** For a busy machine. */
const PATIENT = { interval: 5 };

/** The form of an address in the catalog and the sidecar. */
function sourceOf({ url }: { url: string }): string {
  return parseAddress(url).id;
}

function bytesOf(model: Model): Buffer {
  return fs.readFileSync(model.path);
}

test('a model is downloaded completely, with its digest, and is listed', async () => {
  using test = testStore();
  const tiny = fs.readFileSync(TINY_FILE);
  await using server = await startBreakingServer(good({ content: tiny, etag: '"v1"' }));
  const download = watch(test.store, { source: server.url, sha256: sha256(tiny).toUpperCase() });
  const model = await download.model;
  expect(model).toMatchObject({ model: 'bee', source: sourceOf(server), size_bytes: tiny.length, sha256: sha256(tiny) });
  expect(bytesOf(model).equals(tiny)).toBe(true);
  expect(test.files()).toEqual(['bee.gguf']);
  expect(fs.statSync(model.path).mode & 0o777).toBe(0o644);
  expect(await test.store.get('bee')).toEqual(model);
  expect(await test.store.list()).toMatchObject([{ model: 'tiny' }, { model: 'bee' }]);
  expect(actionsOf(download)).toEqual(['fetch', 'ready']);
  expect(JSON.stringify(download.narrations)).not.toContain('secret');
  expect(download.progress.at(-1)).toMatchObject({ action: 'download', done: tiny.length, total: tiny.length, unit: 'bytes' });
});

test('a download resumes where its connection broke, as often as that makes progress', async () => {
  using test = testStore();
  const cut = cutAfter(20_000, served);
  await using server = await startBreakingServer(cut, cut, cut, cut, cut, cut, good(served));
  const download = watch(test.store, { source: server.url, name });
  expect(bytesOf(await download.model).equals(content)).toBe(true);
  expect(server.requests.map((headers) => headers.range)).toEqual([
    undefined,
    ...[1, 2, 3, 4, 5, 6].map((cuts) => `bytes=${cuts * 20_000}-`),
  ]);
  expect(server.requests[1]).toMatchObject({ 'if-range': '"v1"', 'accept-encoding': 'identity' });
  expect(actionsOf(download).slice(0, 3)).toEqual(['fetch', 'retry', 'resume']);
});

test('Last-Modified distinguishes versions where there is no strong ETag', async () => {
  using test = testStore();
  const weak = { content, etag: 'W/"v1"', lastModified: 'Thu, 19 Nov 2026 10:00:00 GMT' };
  await using server = await startBreakingServer(cutAfter(50_000, weak), good(weak));
  await watch(test.store, { source: server.url, name }).model;
  expect(server.requests[1]).toMatchObject({ range: 'bytes=50000-', 'if-range': weak.lastModified });
});

test('from a server that sends no version, the whole file is requested again', async () => {
  using test = testStore();
  await using server = await startBreakingServer(cutAfter(50_000, { content }), good({ content }));
  expect(bytesOf(await watch(test.store, { source: server.url, name }).model).equals(content)).toBe(true);
  expect(server.requests[1]?.range).toBeUndefined();
});

test('an answer that ignores Range replaces the part, and is not appended to it', async () => {
  using test = testStore();
  await using server = await startBreakingServer(cutAfter(150_000, served), ignoringRange(good(served)));
  const download = watch(test.store, { source: server.url, name });
  expect(bytesOf(await download.model).equals(content)).toBe(true);
  expect(server.requests[1]?.range).toBe('bytes=150000-');
  expect(actionsOf(download)).toContain('restart');
});

test('a file that changed during its download is fetched from the start', async () => {
  using test = testStore();
  const changed = { content: fakeModel(90_000), etag: '"v2"' };
  await using server = await startBreakingServer(cutAfter(50_000, served), good(changed));
  const model = await watch(test.store, { source: server.url, name }).model;
  expect(bytesOf(model).equals(changed.content)).toBe(true);
  expect(model.sha256).toBe(sha256(changed.content));
});

test.each([
  ['the rest of another version', (rest: Buffer) => ({ 'content-range': `bytes 50000-199999/200000`, etag: '"v2"', rest })],
  [
    'the rest of a file of another length',
    (rest: Buffer) => ({ 'content-range': `bytes 50000-199999/300000`, etag: '"v1"', rest }),
  ],
  ['another range than requested', (rest: Buffer) => ({ 'content-range': `bytes 40000-199999/200000`, etag: '"v1"', rest })],
  ['a part without its range', (rest: Buffer) => ({ etag: '"v1"', rest })],
])('from a server that sends %s, the whole file is requested', async (_, lie) => {
  using test = testStore();
  const { rest, ...headers } = lie(content.subarray(50_000));
  const liar = status(206, headers, rest.toString('latin1'));
  await using server = await startBreakingServer(cutAfter(50_000, served), liar, good(served));
  expect(bytesOf(await watch(test.store, { source: server.url, name }).model).equals(content)).toBe(true);
  expect(server.requests.map((request) => request.range)).toEqual([undefined, 'bytes=50000-', undefined]);
});

test('a download whose connection always breaks at the same byte fails, and the error gives the reason', async () => {
  using test = testStore();
  await using server = await startBreakingServer(ignoringRange(cutAfter(60_000, served)));
  const download = watch(test.store, { source: server.url, name });
  await expect(download.model).rejects.toMatchObject({ code: 'download_failed', retryable: true });
  await expect(download.model).rejects.toThrow('bee.gguf: connection closed');
  expect(server.requests).toHaveLength(IMPATIENT.attempts + 1);
});

test('a file with fewer bytes than announced is not listed as a model', async () => {
  using test = testStore();
  const short = status(206, { 'content-range': 'bytes 50000-59999/200000', etag: '"v1"' }, 'x'.repeat(10_000));
  await using server = await startBreakingServer(cutAfter(50_000, served), short, status(503));
  await expect(watch(test.store, { source: server.url, name }).model).rejects.toThrow('HTTP 503');
  expect(fs.statSync(path.join(test.modelsDir, 'bee.gguf.part')).size).toBe(60_000);
  expect(test.files()).not.toContain('bee.gguf');
});

test('a silent server is disconnected after the idle deadline, and the request is repeated', async () => {
  using test = testStore();
  await using server = await startBreakingServer(silentAfter(50_000, served), good(served));
  const download = watch(test.store, { source: server.url, name });
  expect(bytesOf(await download.model).equals(content)).toBe(true);
  expect(download.narrations.find(({ action }) => action === 'retry')?.human).toContain('nothing came for 0.3 s (idle deadline)');
});

test('a server that never answers is disconnected after the answer deadline', async () => {
  using test = testStore();
  await using server = await startBreakingServer(() => {});
  const download = watch(test.store, { source: server.url, name });
  await expect(download.model).rejects.toThrow('no answer within 0.3 s (answer deadline)');
  expect(server.requests).toHaveLength(IMPATIENT.attempts);
});

test('a server that does not complete its TLS handshake is disconnected after the connect deadline', async () => {
  using test = testStore();
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const sockets: net.Socket[] = [];
  server.on('connection', (socket) => sockets.push(socket));
  const source = `https://127.0.0.1:${(server.address() as net.AddressInfo).port}/bee.gguf`;
  const download = watch(test.reopened({ ...IMPATIENT, connectMs: 200, attempts: 1 }), { source });
  await expect(download.model).rejects.toThrow('no connection within 0.2 s (connect deadline)');
  for (const socket of sockets) socket.destroy();
  server.close();
  await once(server, 'close');
});

test('a slow download may take longer than any deadline, and its progress is reported a few times a second', async () => {
  using test = testStore();
  await using server = await startBreakingServer(dripping({ pieces: 60, pauseMs: 12 }, served));
  const download = watch(test.store, { source: server.url, name });
  const startedAt = performance.now();
  expect(bytesOf(await download.model).equals(content)).toBe(true);
  const elapsedMs = performance.now() - startedAt;
  expect(elapsedMs).toBeGreaterThan(2 * IMPATIENT.idleBodyMs);
  expect(download.progress.length).toBeLessThanOrEqual(Math.floor(elapsedMs / 250) + 2);
  expect(download.progress.length).toBeGreaterThanOrEqual(3);
  expect(download.progress[0]).toMatchObject({ total: 200_000, rate: null, eta_s: null });
  expect(download.progress[1]?.rate).toBeGreaterThan(0);
  expect(download.progress[1]?.eta_s).toBeGreaterThan(0);
});

test('a request that fails with a server error is repeated', async () => {
  using test = testStore();
  await using server = await startBreakingServer(status(500), status(503), status(429), good(served));
  expect(bytesOf(await watch(test.store, { source: server.url, name }).model).equals(content)).toBe(true);
});

test('a server that limits requests gets the next one when it wants it, also from another download', async () => {
  using test = testStore();
  const at: number[] = [];
  const noted =
    (answer: Answer): Answer =>
    (request, response) => (at.push(performance.now()), answer(request, response));
  const limited = noted(status(429, { 'retry-after': '1' }));
  await using server = await startBreakingServer(limited, noted(good(served)));
  const first = watch(test.store, { source: server.url, name });
  await expect.poll(() => actionsOf(first), PATIENT).toContain('retry');
  const second = watch(test.store, { source: server.url, name: 'wasp' });
  await Promise.all([first.model, second.model]);
  expect(first.narrations[0]?.human).toMatch(/the server limits requests \(HTTP 429\).*; trying again in 1 s$/);
  expect(second.narrations[0]).toMatchObject({ action: 'limit' });
  for (const later of at.slice(1)) expect(later - (at[0] ?? 0)).toBeGreaterThanOrEqual(990);
});

test('a server that wants a pause of more than five minutes fails the download, which can be repeated', async () => {
  using test = testStore();
  await using server = await startBreakingServer(status(429, { ratelimit: '"files";r=0;t=3600' }));
  const download = watch(test.store, { source: server.url, name });
  await expect(download.model).rejects.toThrow(/accepts the next one in 3601 s/);
  await expect(download.model).rejects.toMatchObject({ code: 'download_failed', retryable: true });
});

test.each([
  [404, /There is no file at http:\/\/127\.0\.0\.1:\d+\/models\/bee\.gguf \(HTTP 404\)/],
  [401, /requires a login.*HTTP 401/],
  [403, /requires a login.*HTTP 403/],
  [418, /the server answered HTTP 418/],
  [204, /the server answered HTTP 204/],
])('a download that gets HTTP %i fails without a retry, and the error gives the reason', async (code, sentence) => {
  using test = testStore();
  await using server = await startBreakingServer(status(code));
  const download = watch(test.store, { source: server.url, name });
  await expect(download.model).rejects.toThrow(sentence);
  await expect(download.model).rejects.toMatchObject({ code: 'download_failed' });
  expect(server.requests).toHaveLength(1);
});

test('a download fails at once if the server was never reached, and is retried if it was', async () => {
  using test = testStore();
  const server = await startBreakingServer(cutAfter(50_000, served));
  const { url } = server;
  const download = watch(test.store, { source: url, name });
  await download.until((event) => event.kind === 'progress');
  await server[Symbol.asyncDispose]();
  await expect(download.model).rejects.toThrow('connection refused');
  expect(actionsOf(download).filter((action) => action === 'retry').length).toBeGreaterThan(1);
  const again = watch(test.reopened(), { source: url, name });
  await expect(again.model).rejects.toThrow('connection refused');
  expect(actionsOf(again)).not.toContain('retry');
});

test('redirects are followed, from the given address again after a cut', async () => {
  using test = testStore();
  await using mirror = await startBreakingServer(cutAfter(50_000, served), good(served));
  await using server = await startBreakingServer(status(302, { location: '/step' }), status(307, { location: mirror.url }));
  expect(bytesOf(await watch(test.store, { source: server.url, name }).model).equals(content)).toBe(true);
  expect(server.requests).toHaveLength(3);
  expect(mirror.requests[1]?.range).toBe('bytes=50000-');
});

test.each([
  ['in circles', '/models/bee.gguf', /redirects more than 5 times/],
  ['to a file', 'file:///etc/passwd', /redirects to 'file:', which is not fetched/],
  ['to an invalid URL', 'http://[', /redirects to 'http:\/\/\[', which is not fetched/],
])('a redirect %s is not followed', async (_, location, sentence) => {
  using test = testStore();
  await using server = await startBreakingServer(status(301, { location }, 'moved'));
  const download = watch(test.store, { source: server.url, name });
  await expect(download.model).rejects.toThrow(sentence);
  await expect(download.model).rejects.toMatchObject({ code: 'download_failed' });
});

test.each<[string, Answer, RegExp]>([
  [
    'sends endless interim answers',
    (_, response) => {
      for (let times = 0; times < 20; times += 1) response.writeProcessing();
    },
    /interim answers and no file/,
  ],
  ['compresses the file against the request', good({ ...served, encoding: 'gzip' }), /sends the file compressed \(gzip\)/],
  [
    'sends more than it announced',
    (_, response) => void response.writeHead(206, { 'content-range': 'bytes 0-99/100', etag: '"1"' }).end(content),
    /HTTP 206/,
  ],
])('a download from a server that %s fails', async (_, answer, sentence) => {
  using test = testStore();
  await using server = await startBreakingServer(answer);
  await expect(watch(test.store, { source: server.url, name }).model).rejects.toThrow(sentence);
});

test('a server that sends more than it announced is cut off', async () => {
  using test = testStore();
  let isFirst = true;
  await using server = await startBreakingServer((request, response) => {
    if (isFirst) return void ((isFirst = false), cutAfter(50_000, served)(request, response));
    const range = `bytes 50000-${content.length - 1}/${content.length}`;
    response.writeHead(206, { 'content-range': range, etag: served.etag });
    const more = () => void (response.destroyed || response.write(content, more));
    more();
  });
  await expect(watch(test.store, { source: server.url, name }).model).rejects.toThrow(/announced 200000 bytes and sends more/);
});

test('a download from a server that is too slow fails, even if bytes keep arriving', async () => {
  using test = testStore();
  await using server = await startBreakingServer(dripping({ pieces: 200, pauseMs: 5 }, served));
  const patience = { ...IMPATIENT, slow: { bytesPerS: 1_000_000_000, forMs: 30 } };
  const download = watch(test.reopened(patience), { source: server.url, name });
  await expect(download.model).rejects.toThrow(/which is too slow to go on/);
  expect(server.requests).toHaveLength(IMPATIENT.attempts);
});

test('credentials in an address are sent to its server only, and are in no catalog and no message', async () => {
  using test = testStore();
  await using mirror = await startBreakingServer(good(served));
  await using server = await startBreakingServer(status(302, { location: mirror.url }));
  const download = watch(test.store, { source: server.url.replace('http://', 'http://maja:p%40ss@'), name });
  const model = await download.model;
  expect(server.requests[0]?.authorization).toBe(`Basic ${Buffer.from('maja:p@ss').toString('base64')}`);
  expect(mirror.requests[0]?.authorization).toBeUndefined();
  expect(model.source).toBe(sourceOf(server));
  expect(model.source).not.toMatch(/maja|p%40ss|secret/);
  expect(JSON.stringify(download.narrations)).not.toMatch(/maja|p%40ss|p@ss/);
});

test('a web page is refused at its first bytes, and the error says what to do', async () => {
  using test = testStore();
  const page = `<!DOCTYPE html><html>${'x'.repeat(5000)}`;
  const silent = silentAfter(30, { content: Buffer.from(page) });
  await using server = await startBreakingServer(silent);
  const download = watch(test.store, { source: server.url, name });
  await expect(download.model).rejects.toMatchObject({ code: 'model_corrupt' });
  await expect(download.model).rejects.toThrow(
    "is not a GGUF model: it does not begin with 'GGUF'. It looks like a web page: give the address of the file itself.",
  );
  expect(test.files()).toEqual([]);
});

test.each([
  ['the first bytes one by one', 'GGU', /does not begin with 'GGUF'/],
  ['nothing at all', '', /only 0 bytes long/],
  ['a header cut short', 'GGUF1234', /only 8 bytes long/],
])('a download of %s is refused', async (what, body, sentence) => {
  using test = testStore();
  const answer = what.startsWith('the first')
    ? dripping({ pieces: 4, pauseMs: 1 }, { content: Buffer.from('GGUX') })
    : status(200, {}, body);
  await using server = await startBreakingServer(answer);
  const download = watch(test.store, { source: server.url, name });
  await expect(download.model).rejects.toMatchObject({ code: 'model_corrupt' });
  if (!what.startsWith('the first')) await expect(download.model).rejects.toThrow(sentence);
  expect(test.files()).toEqual([]);
});

test('a file with another digest is refused and not kept', async () => {
  using test = testStore();
  await using server = await startBreakingServer(good(served));
  const download = watch(test.store, { source: server.url, name, sha256: '0'.repeat(64) });
  await expect(download.model).rejects.toMatchObject({ code: 'checksum_mismatch' });
  await expect(download.model).rejects.toThrow(`its sha256 is ${sha256(content)}, not 000`);
  expect(test.files()).toEqual([]);
  await expect(test.store.get(name)).rejects.toMatchObject({ code: 'model_not_found' });
});

test('a cancelled download stops at once and keeps its part, which another process resumes', async () => {
  using test = testStore();
  await using server = await startBreakingServer(silentAfter(120_000, served));
  const download = watch(test.reopened({ ...IMPATIENT, idleBodyMs: 60_000 }), { source: server.url, name });
  await download.until((event) => event.kind === 'progress');
  const part = path.join(test.modelsDir, 'bee.gguf.part');
  await expect.poll(() => fs.statSync(part).size, PATIENT).toBe(120_000);
  const cancelledAt = performance.now();
  download.cancel();
  await expect(download.model).rejects.toMatchObject({ code: 'cancelled' });
  // It does not wait for the idle deadline of a minute.
  expect(performance.now() - cancelledAt).toBeLessThan(50_000);
  expect(test.files()).toEqual(['bee.gguf.part', 'bee.gguf.part.json']);
  expect(fs.statSync(`${part}.json`).mode & 0o777).toBe(0o600);

  server.answer(good(served));
  const again = watch(test.reopened(), { source: server.url, name, sha256: sha256(content) });
  expect(bytesOf(await again.model).equals(content)).toBe(true);
  expect(server.requests.at(-1)).toMatchObject({ range: 'bytes=120000-', 'if-range': '"v1"' });
  expect(actionsOf(again)).toEqual(['verify', 'resume', 'ready']);
  expect(test.files()).toEqual(['bee.gguf']);
});

test.each([
  ['before an answer', () => {}, undefined],
  ['while it waits for the next try', status(503), 'retry'],
])('a download can be cancelled %s', async (_, answer, action) => {
  using test = testStore();
  await using server = await startBreakingServer(answer);
  const patience = { ...IMPATIENT, answerMs: 60_000, backoffMs: { first: 60_000, most: 60_000 } };
  const download = watch(test.reopened(patience), { source: server.url, name });
  if (action === undefined) await expect.poll(() => server.requests.length, PATIENT).toBe(1);
  else await expect.poll(() => actionsOf(download), PATIENT).toContain(action);
  download.cancel();
  await expect(download.model).rejects.toMatchObject({ code: 'cancelled' });
});

test('a caller that stops reading the events unlocks the model, and the part remains', async () => {
  using test = testStore();
  await using server = await startBreakingServer(silentAfter(120_000, served), good(served));
  for await (const event of test.store.download({ source: server.url, name }, new AbortController().signal)) {
    expect(event).toMatchObject({ kind: 'progress' });
    break;
  }
  expect(test.files()).toEqual(['bee.gguf.part', 'bee.gguf.part.json']);
  expect(bytesOf(await watch(test.store, { source: server.url, name }).model).equals(content)).toBe(true);
});

test('a complete part is not fetched again', async () => {
  using test = testStore();
  await using server = await startBreakingServer(good(served));
  fs.mkdirSync(test.modelsDir);
  fs.writeFileSync(path.join(test.modelsDir, 'bee.gguf.part'), content);
  fs.writeFileSync(
    path.join(test.modelsDir, 'bee.gguf.part.json'),
    JSON.stringify({ source: sourceOf(server), total: content.length }),
  );
  const model = await watch(test.store, { source: server.url, name, sha256: sha256(content) }).model;
  expect(bytesOf(model).equals(content)).toBe(true);
  expect(server.requests).toEqual([]);
});

test('a model that was complete before a crash but not listed is not fetched again', async () => {
  using test = testStore();
  await using server = await startBreakingServer(good(served));
  fs.mkdirSync(test.modelsDir);
  fs.writeFileSync(path.join(test.modelsDir, 'bee.gguf'), content);
  const sidecar = { source: sourceOf(server), version: '"v1"', total: content.length };
  fs.writeFileSync(path.join(test.modelsDir, 'bee.gguf.part.json'), JSON.stringify(sidecar));
  expect(await watch(test.store, { source: server.url, name }).model).toMatchObject({ sha256: sha256(content) });
  expect(server.requests).toEqual([]);
  expect(test.files()).toEqual(['bee.gguf']);
});

test('a part of unknown length that turns out to be complete is used', async () => {
  using test = testStore();
  await using server = await startBreakingServer(good(served));
  fs.mkdirSync(test.modelsDir);
  fs.writeFileSync(path.join(test.modelsDir, 'bee.gguf.part'), content);
  const sidecar = { source: sourceOf(server), version: '"v1"', total: null };
  fs.writeFileSync(path.join(test.modelsDir, 'bee.gguf.part.json'), JSON.stringify(sidecar));
  expect(bytesOf(await watch(test.store, { source: server.url, name }).model).equals(content)).toBe(true);
  expect(server.requests).toHaveLength(1);
});

test.each([
  ['without a sidecar', () => undefined],
  ['with a sidecar that is not JSON', () => '{"source":'],
  ['of another source', () => JSON.stringify({ source: 'http://elsewhere/bee.gguf', version: '"v1"', total: 200_000 })],
  ['longer than the file', (url: string) => JSON.stringify({ source: parseAddress(url).id, version: '"v1"', total: 10 })],
])('a stale part %s is discarded', async (_, sidecar) => {
  using test = testStore();
  await using server = await startBreakingServer(good(served));
  fs.mkdirSync(test.modelsDir);
  fs.writeFileSync(path.join(test.modelsDir, 'bee.gguf.part'), fakeModel(300_000));
  const text = sidecar(server.url);
  if (text !== undefined) fs.writeFileSync(path.join(test.modelsDir, 'bee.gguf.part.json'), text);
  expect(bytesOf(await watch(test.store, { source: server.url, name }).model).equals(content)).toBe(true);
  expect(server.requests.map((request) => request.range)).toEqual([undefined]);
  expect(test.files()).toEqual(['bee.gguf']);
});

test('two downloads of one name never write at once: the second is refused', async () => {
  using test = testStore();
  await using server = await startBreakingServer(silentAfter(50_000, served), good(served));
  const first = watch(test.reopened({ ...IMPATIENT, idleBodyMs: 60_000 }), { source: server.url, name });
  await first.until((event) => event.kind === 'progress');
  const second = watch(test.reopened(), { source: server.url, name: 'BEE' });
  await expect(second.model).rejects.toMatchObject({ code: 'download_failed', retryable: true });
  first.cancel();
  await expect(first.model).rejects.toMatchObject({ code: 'cancelled' });
  await watch(test.reopened(), { source: server.url, name }).model;
});

test('two models can be downloaded at once, one model only once, and it cannot be deleted meanwhile', async () => {
  using test = testStore();
  await using server = await startBreakingServer(silentAfter(50_000, served), good(served));
  const store = test.reopened({ ...IMPATIENT, idleBodyMs: 60_000 });
  const first = watch(store, { source: server.url, name });
  await first.until((event) => event.kind === 'progress');
  await expect(watch(store, { source: server.url, name: 'BEE' }).model).rejects.toThrow("'BEE' is being downloaded already");
  await expect(store.remove(name)).rejects.toThrow("'bee' is being downloaded already");
  await watch(store, { source: server.url, name: 'wasp' }).model;
  expect(test.files()).toEqual(['bee.gguf.part', 'bee.gguf.part.json', 'wasp.gguf']);
  first.cancel();
  await expect(first.model).rejects.toMatchObject({ code: 'cancelled' });
  await store.remove(name);
  expect(test.files()).toEqual(['wasp.gguf']);
});

test('a downloading process locks out other processes, and after it is killed the next one resumes its part', async () => {
  using test = testStore();
  await using server = await startBreakingServer(silentAfter(120_000, served));
  const script = path.join(path.dirname(test.modelsDir), 'downloader.cjs');
  const entry = path.join(import.meta.dirname, 'testing', 'downloader.ts');
  await bundle(entry, script);
  const nodeModules = path.resolve(import.meta.dirname, '../../../node_modules');
  const env = { ...process.env, NODE_PATH: nodeModules, RBEE_LOG: 'silent' };
  const child = fork(script, [test.modelsDir, server.url], { env, execArgv: [] });
  try {
    await once(child, 'message');
    const part = path.join(test.modelsDir, 'bee.gguf.part');
    await expect.poll(() => fs.statSync(part).size, PATIENT).toBe(120_000);
    await expect(watch(test.store, { source: server.url, name }).model).rejects.toThrow(
      `Another rbee is downloading into ${test.modelsDir}. Try again when it has ended.`,
    );
  } finally {
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
  server.answer(good(served));
  const model = await watch(test.store, { source: server.url, name, sha256: sha256(content) }).model;
  expect(bytesOf(model).equals(content)).toBe(true);
  expect(server.requests.at(-1)?.range).toBe('bytes=120000-');
});

test('a second download of the same model fetches nothing', async () => {
  using test = testStore();
  await using server = await startBreakingServer(good(served));
  const model = await watch(test.store, { source: server.url, name }).model;
  const again = watch(test.store, { source: server.url, name, sha256: model.sha256 });
  expect(await again.model).toEqual(model);
  expect(actionsOf(again)).toEqual(['exists']);
  expect(server.requests).toHaveLength(1);
});

test.each([
  [
    'another source',
    { source: 'http://127.0.0.1:9/other.gguf', name },
    /'bee' is taken by the model 'bee', which came from http.*bee\.gguf$/,
  ],
  ['another digest', { sha256: 'f'.repeat(64), name }, /from the same address but with the sha256/],
  ['another spelling', { name: 'Bee' }, /'Bee' is taken by the model 'bee': names must differ/],
  ['the name of the built-in model', { name: 'Tiny' }, /'Tiny' is taken by the model 'tiny', which is part of rbee/],
])('a name in use is refused for %s', async (_, request, sentence) => {
  using test = testStore();
  await using server = await startBreakingServer(good(served));
  await watch(test.store, { source: server.url, name }).model;
  const download = watch(test.store, { source: server.url, ...request });
  await expect(download.model).rejects.toMatchObject({ code: 'model_exists' });
  await expect(download.model).rejects.toThrow(sentence);
  expect(server.requests).toHaveLength(1);
});

test('a model whose file is missing or damaged is fetched again', async () => {
  using test = testStore();
  await using server = await startBreakingServer(good(served));
  const model = await watch(test.store, { source: server.url, name }).model;
  fs.truncateSync(model.path, 100);
  await watch(test.store, { source: server.url, name }).model;
  fs.rmSync(model.path);
  expect(bytesOf(await watch(test.store, { source: server.url, name }).model).equals(content)).toBe(true);
});

test('a file of unknown length is downloaded', async () => {
  using test = testStore();
  await using server = await startBreakingServer(chunked(served));
  const download = watch(test.store, { source: server.url, name });
  expect(bytesOf(await download.model).equals(content)).toBe(true);
  expect(download.progress[0]).toMatchObject({ total: null });
  expect(download.progress.at(-1)).toMatchObject({ done: 200_000, total: 200_000 });
});

test('a symlink in the models directory is not followed by a write', async () => {
  using test = testStore();
  await using server = await startBreakingServer(good(served));
  fs.mkdirSync(test.modelsDir);
  const victim = path.join(path.dirname(test.modelsDir), 'victim');
  fs.writeFileSync(victim, 'precious');
  fs.symlinkSync(victim, path.join(test.modelsDir, 'bee.gguf.part'));
  const download = watch(test.store, { source: server.url, name });
  await expect(download.model).rejects.toThrow('bee.gguf.part is not a plain file: remove it and try again');
  for (const link of ['bee.gguf', 'bee.gguf.part.json', 'bee.gguf.part.json.new'])
    fs.symlinkSync(victim, path.join(test.modelsDir, link));
  fs.rmSync(path.join(test.modelsDir, 'bee.gguf.part'));
  await watch(test.store, { source: server.url, name }).model;
  expect(fs.readFileSync(victim, 'utf8')).toBe('precious');
  expect(fs.lstatSync(path.join(test.modelsDir, 'bee.gguf')).isFile()).toBe(true);
});

async function bundle(entry: string, outfile: string): Promise<void> {
  // CommonJS, because only that finds its external packages by NODE_PATH; it has no top-level await.
  await build({
    entryPoints: [entry],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node20.19',
    external: ['libsql'],
    define: { __RBEE_VERSION__: JSON.stringify('0.0.0-test') },
    logLevel: 'silent',
  });
}
