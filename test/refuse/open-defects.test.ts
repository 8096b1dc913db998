import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { WorkerHeartbeat } from '../../src/contract/index.ts';
import { postJob, type Peer } from '../../src/jobs/index.ts';
import { WorkerRegistry } from '../../src/queen/worker-registry.ts';
import { refusalCode } from './answer.ts';
import { refusedBelow } from './odd-requests.ts';
import { rawExchange } from './raw-exchange.ts';
import { threeDaemons, type ThreeDaemons } from './three-daemons.ts';

// What is known to be wrong, each with a test that fails until it is mended; then the test moves to where it belongs.

let daemons: ThreeDaemons;
beforeAll(async () => {
  daemons = await threeDaemons();
});
afterAll(() => daemons[Symbol.asyncDispose]());

describe('every refusal has a body of ours, also one that the HTTP layer makes', () => {
  test.each(refusedBelow)('%s', async (_name, request) => {
    const { answers } = await rawExchange(daemons.queen.port, request);
    expect(answers).toHaveLength(1);
    const [{ status, body } = { status: 0, body: '' }] = answers;
    refusalCode(status, body);
  });
});

test.each(['/%zz', '/v1/jobs/%ff', `/v1/jobs/${'a'.repeat(129)}`])(
  'who may call is decided before the path is read: %s',
  async (path) => {
    const { answers } = await rawExchange(daemons.queen.port, `GET ${path} HTTP/1.1\r\nHost: evil.example\r\n\r\n`);
    expect(answers).toMatchObject([{ status: 403 }]);
  },
);

test('a body over the limit is told as such, and not as a queen that cannot be reached', async () => {
  const { port } = daemons.queen;
  const queen: Peer = { role: 'queen', name: 'queen', host: '127.0.0.1', port };
  // Often enough: the refusal is lost only when the connection is closed while the rest is still on its way.
  for (let tries = 0; tries < 20; tries += 1) {
    const posted = postJob(queen, { operation: 'infer', input: { prompt: 'x'.repeat(10_000_000) }, correlationId: 'large' });
    await expect(posted).rejects.toMatchObject({ code: 'body_too_large' });
  }
});

test('a body that is not UTF-8 is refused, and not changed into another', async () => {
  const body = Buffer.concat([Buffer.from('{"operation":"hive_get","hive_id":"'), Buffer.of(0xff, 0xc3), Buffer.from('"}')]);
  const headers = { 'content-type': 'application/json' };
  const answer = await fetch(`${daemons.queen.url}/v1/jobs`, { method: 'POST', headers, body });
  expect(refusalCode(answer.status, await answer.text())).toBe('invalid_json');
});

test('a wrong query is told in plain words', async () => {
  const answer = await fetch(`${daemons.queen.url}/v1/jobs?colour=red`);
  const { error } = (await answer.json()) as { error: { message: string } };
  expect(error.message).toContain('colour');
  expect(error.message).toMatch(/^[\x20-\x7e]*$/);
});

test('the queen remembers a bounded number of workers, whatever she is told', () => {
  const registry = new WorkerRegistry();
  const heartbeat: WorkerHeartbeat = {
    worker_id: 'worker-0',
    hive_id: 'localhost',
    model: 'tiny',
    worker: 'cpu',
    device: 0,
    state: 'ready',
    port: 9001,
    slots: 1,
    slots_used: 0,
    tokens_per_s: 0,
    memory_bytes: 0,
  };
  for (let each = 0; each < 50_000; each += 1) registry.record({ ...heartbeat, worker_id: `worker-${each}` });
  expect(registry.list().length).toBeLessThanOrEqual(10_000);
});
