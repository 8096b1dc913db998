import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type * as Client from './browser.ts';
import { cuttingNetwork } from './fixtures/cutting-network.ts';
import { startTestDaemon, type TestDaemon } from './fixtures/test-daemon.ts';
import { counting } from './fixtures/test-jobs.ts';

let client: typeof Client;
let folder: string;

/** As a page would get it: esbuild fails for whatever a browser does not have. */
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'rbee-browser-'));
  const outfile = join(folder, 'client.mjs');
  const entryPoints = [join(import.meta.dirname, 'browser.ts')];
  await build({ entryPoints, outfile, bundle: true, format: 'esm', platform: 'browser', logLevel: 'silent' });
  client = (await import(pathToFileURL(outfile).href)) as typeof Client;
});
afterAll(() => rmSync(folder, { recursive: true }));

const daemonAt = ({ peer }: Pick<TestDaemon, 'peer'>, token?: string): Client.Daemon => ({
  role: 'hive',
  url: `http://127.0.0.1:${peer.port}`,
  token,
});

async function readAll(daemon: Client.Daemon, jobId: string, options: Partial<Client.StreamOptions> = {}) {
  const events: Client.StreamEvent[] = [];
  const stream = client.readStream(daemon, jobId, { after: 0, signal: AbortSignal.timeout(20_000), ...options });
  for await (const event of stream) events.push(event);
  return events;
}

const list = { operation: 'worker_list', input: { hive_id: 'test' } };

test('the client for a page creates a job and streams it to its end', async () => {
  await using daemon = await startTestDaemon({ handlers: { worker_list: counting(2) }, token: 'secret' });
  const jobId = await client.postJob(daemonAt(daemon, 'secret'), list);
  expect(await readAll(daemonAt(daemon, 'secret'), jobId)).toEqual([
    { seq: 1, kind: 'token', json: '{"text":"1 "}' },
    { seq: 2, kind: 'token', json: '{"text":"2 "}' },
    { seq: 3, kind: 'result', json: '{"workers":[]}' },
  ]);
  expect((await readAll(daemonAt(daemon, 'secret'), jobId, { after: 2 })).map(({ seq }) => seq)).toEqual([3]);
});

test('the client for a page resumes a stream whose connection breaks: no event is lost, and none comes twice', async () => {
  await using daemon = await startTestDaemon({ handlers: { worker_list: counting(200) } });
  await using network = await cuttingNetwork(daemon.peer, 2_500);
  const jobId = await client.postJob(daemonAt(daemon), list);
  const broken: string[] = [];
  const events = await readAll(daemonAt(network), jobId, { onReconnect: ({ reason }) => broken.push(reason) });
  expect(events.map(({ seq }) => seq)).toEqual(Array.from({ length: 201 }, (_, n) => n + 1));
  expect(new Set(broken)).toEqual(new Set(['connection closed']));
  expect(network.connections()).toBeGreaterThan(3);
});

test('the client for a page cancels a job, and gets the errors of the daemon as they are', async () => {
  await using daemon = await startTestDaemon({
    handlers: { worker_list: counting(1, new Promise(() => undefined)) },
    token: 'secret',
  });
  const here = daemonAt(daemon, 'secret');
  const jobId = await client.postJob(here, list);
  await client.cancelJob(here, jobId);
  expect((await readAll(here, jobId)).at(-1)).toMatchObject({ kind: 'cancelled' });
  await expect(client.cancelJob(here, jobId)).rejects.toMatchObject({ code: 'job_already_ended' });
  await expect(client.postJob(daemonAt(daemon, 'wrong'), list)).rejects.toMatchObject({ code: 'unauthorized' });
  await expect(client.postJob(here, { operation: 'nonsense', input: {} })).rejects.toMatchObject({ code: 'unknown_operation' });
  await expect(readAll(here, 'job-0')).rejects.toMatchObject({ code: 'job_not_found' });
});

test('the client for a page reports a daemon that does not run as unreachable', async () => {
  const gone = await startTestDaemon({ handlers: {} });
  await gone[Symbol.asyncDispose]();
  await expect(client.postJob(daemonAt(gone), list)).rejects.toMatchObject({ code: 'hive_unreachable' });
});

test('the client for a page stops reading when its signal aborts', async () => {
  await using daemon = await startTestDaemon({ handlers: { worker_list: counting(1, new Promise(() => undefined)) } });
  const jobId = await client.postJob(daemonAt(daemon), list);
  const left = new AbortController();
  const reading = readAll(daemonAt(daemon), jobId, { signal: left.signal });
  left.abort(new Error('enough'));
  await expect(reading).rejects.toThrow('enough');
});
