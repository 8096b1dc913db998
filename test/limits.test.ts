import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Handlers, Run } from '../src/contract/index.ts';
import { startTestDaemon, type TestDaemon } from '../src/jobs/fixtures/test-daemon.ts';
import { openFileEventLog } from '../src/jobs/index.ts';
import { poster } from './refuse/poster.ts';
import { residentMb, settledMb } from './refuse/three-daemons.ts';
import { testSwarm } from './support/swarm.ts';

const MB = 1024 * 1024;
/** Of a daemon that has run three thousand jobs more. */
const GROWTH_MB = 35;

/** Says so many tokens of so many characters. */
function talkative(tokens: number, characters: number): Run<'worker_list'> {
  const text = 'x'.repeat(characters);
  return async function* () {
    for (let n = 0; n < tokens; n += 1) {
      yield { kind: 'token', data: { text } };
      // Lets the log be written on the way, as an engine would.
      if (n % 100 === 0) await delay(0);
    }
    return { workers: [] };
  };
}

describe('readers that do not read', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'rbee-limits-'));
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  const daemonWith = (handlers: Handlers) => startTestDaemon({ handlers, log: openFileEventLog(directory) });

  test('four hundred streams that are not read hold a chunk each, and the next reader gets everything', async () => {
    await using daemon = await daemonWith({ worker_list: talkative(24_000, 1_000) });
    const jobId = await postList(daemon);
    await lengthOfStream(daemon, jobId);
    const before = process.memoryUsage.rss();
    const deaf = await Promise.all(Array.from({ length: 400 }, () => openStream(daemon, jobId)));
    expect(await lengthOfStream(daemon, jobId)).toBeGreaterThan(24_000_000);
    expect((process.memoryUsage.rss() - before) / MB).toBeLessThan(80);
    // Each of them was served all the while: a reader that begins now gets all of it.
    const [late, ...others] = deaf;
    expect(late === undefined ? 0 : await lengthOf(late)).toBeGreaterThan(24_000_000);
    for (const socket of others) socket.destroy();
  });

  test('a reader of a byte a second on a log of 60 MB costs a chunk, and delays no other reader', async () => {
    await using daemon = await daemonWith({ worker_list: talkative(1_200, 50_000) });
    const jobId = await postList(daemon);
    const slow = await openStream(daemon, jobId);
    const reading = setInterval(() => {
      slow.read(1);
    });
    expect(await lengthOfStream(daemon, jobId)).toBeGreaterThan(60_000_000);
    const before = process.memoryUsage.rss();
    expect(await lengthOfStream(daemon, jobId)).toBeGreaterThan(60_000_000);
    expect((process.memoryUsage.rss() - before) / MB).toBeLessThan(36);
    clearInterval(reading);
    slow.destroy();
  });
});

describe('jobs without a reader', () => {
  test('four thousand of them through queen and hive all end, neither daemon grows much, and none is replaced', async () => {
    await using swarm = await testSwarm();
    await swarm.result(['hive', 'start']);
    await using queen = poster(swarm.queenUrl);
    const body = JSON.stringify({ operation: 'worker_list' });
    const postMany = async (count: number) => {
      const answers = await Promise.all(Array.from({ length: count }, () => queen.post('/v1/jobs', Buffer.from(body))));
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    };
    const { queen: daemon } = await swarm.result<{ queen: { pid: number } }>(['status']);
    const { pid } = await swarm.result<{ pid: number }>(['hive', 'status']);
    await postMany(1_000);
    const before = [residentMb(daemon), residentMb({ pid })];
    for (let batch = 0; batch < 3; batch += 1) await postMany(1_000);
    const running = async () =>
      ((await (await fetch(`${swarm.queenUrl}/v1/jobs?state=running`)).json()) as { jobs: unknown[] }).jobs.length;
    await expect.poll(running).toBe(0);
    const failed = (await (await fetch(`${swarm.queenUrl}/v1/jobs?state=failed`)).json()) as { jobs: unknown[] };
    expect(failed.jobs).toEqual([]);
    const settled = [
      await settledMb({ pid: daemon.pid, url: swarm.queenUrl }, (before[0] ?? 0) + GROWTH_MB),
      await settledMb({ pid, url: swarm.hiveUrl }, (before[1] ?? 0) + GROWTH_MB),
    ];
    expect(settled.map((mb, at) => mb - (before[at] ?? 0)).every((grown) => grown < GROWTH_MB)).toBe(true);
    expect(await swarm.result(['hive', 'status'])).toMatchObject({ pid });
  });

  test('one job above the limit of running jobs is refused with too_many_jobs until another has ended', async () => {
    const ends: (() => void)[] = [];
    const worker_list: Run<'worker_list'> = async function* () {
      await new Promise<void>((resolve) => ends.push(resolve));
      return { workers: [] };
    };
    await using daemon = await startTestDaemon({ handlers: { worker_list }, runningLimit: 5_000 });
    await using client = poster(daemon.url);
    const post = () => client.post('/v1/jobs', Buffer.from('{"operation":"worker_list"}'));
    for (let batch = 0; batch < 5; batch += 1) await Promise.all(Array.from({ length: 1_000 }, post));
    expect(await post()).toMatchObject({ status: 503, text: expect.stringContaining('too_many_jobs') as string });
    for (const end of ends) end();
    await expect.poll(async () => (await post()).status).toBe(200);
    ends.at(-1)?.();
  });
});

async function postList(daemon: TestDaemon): Promise<string> {
  const answer = await fetch(`${daemon.url}/v1/jobs`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"operation":"worker_list"}',
  });
  return ((await answer.json()) as { job_id: string }).job_id;
}

/** A stream that is asked for and never read: the socket is stopped before its first byte. */
async function openStream({ peer }: TestDaemon, jobId: string): Promise<Socket> {
  const socket = connect(peer.port, '127.0.0.1');
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  socket.pause();
  socket.write(`GET /v1/jobs/${jobId}/stream HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`);
  return socket;
}

async function lengthOf(socket: Socket): Promise<number> {
  let length = 0;
  for await (const chunk of socket) length += (chunk as Buffer).length;
  return length;
}

/** In bytes, of a stream that is read to its end. */
async function lengthOfStream({ url }: TestDaemon, jobId: string): Promise<number> {
  const { body } = await fetch(`${url}/v1/jobs/${jobId}/stream`);
  let length = 0;
  for await (const chunk of body ?? []) length += (chunk as Uint8Array).length;
  return length;
}
