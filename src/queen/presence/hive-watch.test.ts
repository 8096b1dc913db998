import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, expect, onTestFinished, test, vi } from 'vitest';
import type { Hive, PresenceLine, Worker } from '../../contract/index.ts';
import { PING_LINE } from '../../jobs/index.ts';
import { cpu, hive as viewOf, worker } from '../placement/fixtures/fleet.ts';
import { FleetView } from './fleet-view.ts';

const attic: Hive = { hive_id: 'attic', transport: 'http', host: '127.0.0.1', port: 1, created_at: '2026-11-21T08:00:00.000Z' };
/** As that hive calls itself, which is not as it is registered. */
const report = { ...viewOf('localhost', { devices: [cpu(60)] }).report, version: __RBEE_VERSION__ } as PresenceLine;
const ofLocalhost = (more: Partial<Worker> = {}): Worker => {
  const { assigned: _, ...of } = worker('w1', 'bee', { hive_id: 'localhost', ...more });
  return of;
};

afterEach(() => vi.useRealTimers());

/** A hive that says what the test lets it say, and the view of a queen who listens to it. */
async function listening() {
  const server = createServer();
  const heard = once(server, 'request') as Promise<[unknown, ServerResponse]>;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const view = new FleetView({
    connect: async () => ({ role: 'hive', name: 'attic', host: '127.0.0.1', port, token: undefined }),
    onChange: () => undefined,
    onLost: () => undefined,
    onWorkerGone: () => undefined,
  });
  onTestFinished(() => {
    view.close();
    server.closeAllConnections();
    server.close();
  });
  view.follow([attic]);
  const [, response] = await heard;
  const say = (...lines: (PresenceLine | string)[]) => {
    for (const line of lines) response.write(`${typeof line === 'string' ? line : JSON.stringify(line)}\n`);
  };
  const watch = view.watch('attic');
  if (watch === undefined) expect.unreachable();
  return { view, watch, say };
}

test('whoever waits for a hive that was quiet goes on when it speaks again', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  const { watch, say } = await listening();
  say(report, { kind: 'complete' });
  await watch.settled();
  vi.advanceTimersByTime(6_000);
  expect(watch.state).toEqual({ kind: 'out', why: 'has said nothing for 5 s' });
  const settled = watch.settled();
  say(PING_LINE);
  await settled;
  expect(watch.state.kind).toBe('up');
});

test('a hive is known by the name that it is registered under, and so are its workers', async () => {
  const { view, watch, say } = await listening();
  say(report, { kind: 'worker', worker: ofLocalhost() }, { kind: 'complete' });
  await watch.settled();
  say({ kind: 'worker', worker: ofLocalhost({ slots_used: 3 }) });
  await expect.poll(() => view.fleet.worker('attic/w1')?.slots_used).toBe(3);
  expect([...watch.workers].map(({ hive_id }) => hive_id)).toEqual(['attic']);
});

test('a hive that never tells all that it has is not waited for', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const { watch, say } = await listening();
  say(report);
  await vi.waitFor(() => expect(watch.report).toBeDefined());
  vi.advanceTimersByTime(15_000);
  const untold = { kind: 'out', why: 'cannot be reached: has not told what it has' };
  await vi.waitFor(() => expect(watch.state).toEqual(untold));
});

test('a machine that does not answer holds up the first requests after a start, and not each one', async () => {
  const view = new FleetView({
    connect: () => new Promise(() => undefined),
    onChange: () => undefined,
    onLost: () => undefined,
    onWorkerGone: () => undefined,
  });
  onTestFinished(() => view.close());
  view.start([attic]);
  await view.started(100);
  expect(view.isStarting).toBe(true);
  const nextTurn = new Promise<string>((resolve) => setImmediate(() => resolve('waited')));
  expect(await Promise.race([view.started(100).then(() => 'at once'), nextTurn])).toBe('at once');
});

test('a wait for news ends in time also where memory is tidied up meanwhile', async () => {
  setFlagsFromString('--expose-gc');
  const tidyUp = runInNewContext('gc') as () => void;
  const { watch, say } = await listening();
  say(report, { kind: 'complete' });
  await watch.settled();
  const told = watch.toldSince(watch.report, 300, new AbortController().signal);
  const timer = setInterval(tidyUp, 50);
  onTestFinished(() => clearInterval(timer));
  expect(await told).toBe(false);
});

test('a hive that tells of its machine ends the wait for that', async () => {
  const { watch, say } = await listening();
  say(report, { kind: 'complete' });
  await watch.settled();
  const told = watch.toldSince(watch.report, 20_000, new AbortController().signal);
  say(report);
  expect(await told).toBe(true);
});

const worker1 = { kind: 'worker', worker: ofLocalhost() };
const changed = (more: object) => JSON.stringify({ ...worker1, worker: { ...worker1.worker, ...more } });

test.each<[string, string]>([
  ['what is not JSON', '{"kind":"worker",'],
  ['a kind that is none', '{"kind":"surprise"}'],
  ['lists in lists', '['.repeat(100_000)],
  ['models that are none, without number', `{"kind":"hive","models":[${'{},'.repeat(200_000)}{}]}`],
  ['a worker with more slots than one can have', changed({ slots: 1e308 })],
  ['a worker with less than none', changed({ slots_used: -1 })],
  ['a worker that began at no time', changed({ started_at: 'NaN' })],
  ['a worker whose model has a name of a megabyte', changed({ model: 'm'.repeat(1_000_000) })],
  ['a worker without its fields', changed({ __proto__: null }).replace('"slots":', '"__proto__":')],
  ['a line without end', 'g'.repeat(5_000_000)],
])('a hive that says %s is not listened to', async (_what, line) => {
  const { watch, say } = await listening();
  say(report, { kind: 'complete' });
  await watch.settled();
  say(line);
  await expect.poll(() => watch.state).toEqual({ kind: 'out', why: expect.stringMatching(/not ours/) as string });
  expect([...watch.workers]).toEqual([]);
});

test('a hive that comes and goes is tried at growing intervals', async () => {
  const tries: number[] = [];
  const server = createServer((_request, response) => {
    tries.push(performance.now());
    response.end(`${JSON.stringify(report)}\n{"kind":"complete"}\n`);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const view = new FleetView({
    connect: async () => ({ role: 'hive', name: 'attic', host: '127.0.0.1', port, token: undefined }),
    onChange: () => undefined,
    onLost: () => undefined,
    onWorkerGone: () => undefined,
  });
  onTestFinished(() => {
    view.close();
    server.close();
  });
  view.follow([attic]);
  await expect.poll(() => tries.length).toBe(4);
  const [first = 0, second = 0, third = 0, fourth = 0] = tries;
  // At least half of 250 ms, of 500 ms and of 1 s. A timer may come a moment early.
  expect([second - first > 120, third - second > 245, fourth - third > 495]).toEqual([true, true, true]);
});
