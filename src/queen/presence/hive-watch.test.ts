import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, expect, onTestFinished, test, vi } from 'vitest';
import type { Hive, Model, PresenceLine, Worker } from '../../contract/index.ts';
import { PING_LINE } from '../../jobs/index.ts';
import { cpu, hive as viewOf, model, worker } from '../placement/fixtures/fleet.ts';
import { FleetView } from './fleet-view.ts';

const attic: Hive = { hive_id: 'attic', transport: 'http', host: '127.0.0.1', port: 1, created_at: '2026-11-21T08:00:00.000Z' };
/** Under the name that the hive gives itself, which is not the one it is registered under. */
const report = { ...viewOf('localhost', { devices: [cpu(60)] }).report, version: __RBEE_VERSION__ } as PresenceLine;
const reportWith = (...models: Model[]) => ({ ...report, models }) as PresenceLine;
const ofLocalhost = (more: Partial<Worker> = {}): Worker => {
  const { assigned: _, ...of } = worker('w1', 'bee', { hive_id: 'localhost', ...more });
  return of;
};

afterEach(() => vi.useRealTimers());

/** A hive that sends what the test lets it send, and the view of a queen that is subscribed to it. */
async function subscribed() {
  const server = createServer();
  const connected = once(server, 'request') as Promise<[unknown, ServerResponse]>;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const view = new FleetView({
    connect: async () => ({ role: 'hive', name: 'attic', host: '127.0.0.1', port, token: undefined }),
    onChange: () => undefined,
    isStopped: () => false,
    onLost: () => undefined,
    onWorkerGone: () => undefined,
  });
  onTestFinished(() => {
    view.close();
    server.closeAllConnections();
    server.close();
  });
  view.follow([attic]);
  const [, response] = await connected;
  const send = (...lines: (PresenceLine | string)[]) => {
    for (const line of lines) response.write(`${typeof line === 'string' ? line : JSON.stringify(line)}\n`);
  };
  const watch = view.watch('attic');
  if (watch === undefined) expect.unreachable();
  return { view, watch, send };
}

test('a wait for a hive without a heartbeat ends with its next line', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  const { watch, send } = await subscribed();
  send(report, { kind: 'complete' });
  await watch.settled();
  vi.advanceTimersByTime(6_000);
  expect(watch.state).toEqual({ kind: 'out', why: 'has sent no heartbeat for 5 s', code: 'hive_unreachable' });
  const settled = watch.settled();
  send(PING_LINE);
  await settled;
  expect(watch.state.kind).toBe('up');
});

test('a hive and its workers are known by the name that the hive is registered under', async () => {
  const { view, watch, send } = await subscribed();
  send(report, { kind: 'worker', worker: ofLocalhost() }, { kind: 'complete' });
  await watch.settled();
  send({ kind: 'worker', worker: ofLocalhost({ slots_used: 3 }) });
  await expect.poll(() => view.fleet.worker('attic/w1')?.slots_used).toBe(3);
  expect([...watch.workers].map(({ hive_id }) => hive_id)).toEqual(['attic']);
});

test('a hive that does not report its whole state within 10 s is unreachable', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const { watch, send } = await subscribed();
  send(report);
  await vi.waitFor(() => expect(watch.report).toBeDefined());
  vi.advanceTimersByTime(15_000);
  const why = "cannot be reached: Hive 'attic' has not reported its whole state within 10 s";
  await vi.waitFor(() => expect(watch.state).toEqual({ kind: 'out', why, code: 'hive_bad_response' }));
});

test('a machine that does not answer delays only the first requests after a start of the queen', async () => {
  const view = new FleetView({
    connect: () => new Promise(() => undefined),
    onChange: () => undefined,
    isStopped: () => false,
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

test('a wait for the next report ends in time even if garbage is collected meanwhile', async () => {
  setFlagsFromString('--expose-gc');
  const collectGarbage = runInNewContext('gc') as () => void;
  const { watch, send } = await subscribed();
  send(report, { kind: 'complete' });
  await watch.settled();
  const hasReported = watch.reportedSince(watch.report, 300, new AbortController().signal);
  const timer = setInterval(collectGarbage, 50);
  onTestFinished(() => clearInterval(timer));
  expect(await hasReported).toBe(false);
});

test('a report of the machine ends the wait for it', async () => {
  const { watch, send } = await subscribed();
  send(report, { kind: 'complete' });
  await watch.settled();
  const hasReported = watch.reportedSince(watch.report, 20_000, new AbortController().signal);
  send(report);
  expect(await hasReported).toBe(true);
});

test('a report with the model, and one without it, end the wait for them', async () => {
  const { watch, send } = await subscribed();
  send(report, { kind: 'complete' });
  await watch.settled();
  const patience = { withinMs: 300_000, signal: new AbortController().signal };
  const isAdded = watch.reportsModel('bee', true, patience);
  send(reportWith(model('bee', 1)));
  await isAdded;
  const isRemoved = watch.reportsModel('bee', false, patience);
  send(reportWith());
  await isRemoved;
  expect(watch.report?.models).toEqual([]);
});

const worker1 = { kind: 'worker', worker: ofLocalhost() };
const changed = (more: object) => JSON.stringify({ ...worker1, worker: { ...worker1.worker, ...more } });

test.each<[string, string]>([
  ['what is not JSON', '{"kind":"worker",'],
  ['an unknown kind', '{"kind":"surprise"}'],
  ['deeply nested lists', '['.repeat(100_000)],
  ['countless empty models', `{"kind":"hive","models":[${'{},'.repeat(200_000)}{}]}`],
  ['a worker with more slots than are possible', changed({ slots: 1e308 })],
  ['a worker with less than no busy slots', changed({ slots_used: -1 })],
  ['a worker that was started at no time', changed({ started_at: 'NaN' })],
  ['a worker whose model has a name of a megabyte', changed({ model: 'm'.repeat(1_000_000) })],
  ['a worker without its fields', changed({ __proto__: null }).replace('"slots":', '"__proto__":')],
  ['a line without end', 'g'.repeat(5_000_000)],
])('a hive that sends %s is disconnected, and its workers are dropped', async (_what, line) => {
  const { watch, send } = await subscribed();
  send(report, { kind: 'complete' });
  await watch.settled();
  send(line);
  await expect.poll(() => watch.state).toMatchObject({ kind: 'out', code: 'hive_bad_response' });
  expect([...watch.workers]).toEqual([]);
});

test('a hive whose connections do not last is tried at growing intervals', async () => {
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
    isStopped: () => false,
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
