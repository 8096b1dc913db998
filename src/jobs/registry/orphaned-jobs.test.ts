import { connect } from 'node:net';
import { expect, test } from 'vitest';
import { deferred } from '../../contract/index.ts';
import { startTestDaemon, type TestDaemon } from '../fixtures/test-daemon.ts';
import { counting, post, postList, streamText } from '../fixtures/test-jobs.ts';

const endless = { worker_list: counting(1, deferred().promise) };
const body = JSON.stringify({ operation: 'worker_list' });

/** A request whose sender has disconnected: what a daemon finds that was frozen meanwhile. */
function sendAndLeave({ peer: { host, port } }: TestDaemon, key?: string): void {
  const head = ['POST /v1/jobs HTTP/1.1', `Host: ${host}:${port}`, 'Content-Type: application/json'];
  if (key !== undefined) head.push(`Idempotency-Key: ${key}`);
  const socket = connect({ host, port });
  socket.on('error', () => undefined).resume();
  socket.end([...head, `Content-Length: ${body.length}`, '', body].join('\r\n'));
}

const jobs = ({ registry }: TestDaemon) => registry.find({ where: {}, limit: 10 });
const states = (daemon: TestDaemon) => jobs(daemon).map(({ state }) => state);

test('a job whose client disconnected before it got the id is cancelled; a retry of the request creates another job', async () => {
  await using daemon = await startTestDaemon({ handlers: endless });
  sendAndLeave(daemon, 'once');
  await expect.poll(() => states(daemon)).toEqual(['running']);
  await expect.poll(() => states(daemon)).toEqual(['cancelled']);
  const again = await postList(daemon, { 'idempotency-key': 'once' });
  expect(states(daemon)).toEqual(['running', 'cancelled']);
  expect(jobs(daemon)[0]?.job_id).toBe(again);
});

test('an orphaned job is kept by a retry of its request, or by a reader', async () => {
  const gate = deferred();
  await using daemon = await startTestDaemon({ handlers: { worker_list: counting(1, gate.promise) } });
  sendAndLeave(daemon, 'once');
  sendAndLeave(daemon);
  await expect.poll(() => states(daemon)).toEqual(['running', 'running']);
  const again = await postList(daemon, { 'idempotency-key': 'once' });
  expect(jobs(daemon)).toHaveLength(2);
  const other = jobs(daemon).find(({ job_id }) => job_id !== again)?.job_id ?? '';
  const read = streamText(daemon, other);
  // A job without a client, sent later: when it is cancelled, the other two would have been as well.
  sendAndLeave(daemon, 'no-retry');
  await expect.poll(() => states(daemon).toSorted()).toEqual(['cancelled', 'running', 'running']);
  gate.resolve();
  expect(await read).toContain('event: result');
});

test('a job whose id was delivered is kept, also when a later retry is not answered', async () => {
  const gate = deferred();
  await using daemon = await startTestDaemon({ handlers: { worker_list: counting(1, gate.promise) } });
  const known = await postList(daemon, { 'idempotency-key': 'once' });
  sendAndLeave(daemon, 'once');
  // A job without a client, sent later: when it is cancelled, the known one would have been as well.
  sendAndLeave(daemon, 'no-retry');
  const ended = () => jobs(daemon).flatMap(({ job_id, state }) => (state === 'cancelled' ? [job_id] : []));
  await expect.poll(() => ended().length).toBeGreaterThan(0);
  expect(ended()).not.toContain(known);
  gate.resolve();
});

test('a job whose client disconnects after the answer keeps running', async () => {
  const gate = deferred();
  await using daemon = await startTestDaemon({ handlers: { worker_list: counting(1, gate.promise) } });
  await post(daemon, body, { connection: 'close' });
  sendAndLeave(daemon);
  await expect.poll(() => states(daemon).toSorted()).toEqual(['cancelled', 'running']);
  gate.resolve();
});
