import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Device, Model, Worker } from '../src/contract/index.ts';
import { modelWorkshop } from '../src/worker/engines/llama/fixtures/gguf.ts';
import { leftovers, testSwarm, type Swarm } from './support/swarm.ts';

const SLOTS = 256;

let swarm: Swarm;
let workshop: Awaited<ReturnType<typeof modelWorkshop>>;
/** The tiny model, said to be made for a million tokens. */
let patient: string;
beforeAll(async () => {
  swarm = await testSwarm();
  workshop = await modelWorkshop();
  patient = await workshop.make({ set: { 'llama.context_length': 1_048_576 } });
  await swarm.result(['hive', 'start']);
});
afterAll(async () => {
  await workshop.clear();
  await swarm[Symbol.asyncDispose]();
});

async function cpu(): Promise<Device> {
  const { devices } = (await (await fetch(`${swarm.hiveUrl}/capabilities`)).json()) as { devices: [Device] };
  return devices[0];
}

async function spawnOnHive(context: number): Promise<string> {
  const answer = await fetch(`${swarm.hiveUrl}/v1/jobs`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ operation: 'worker_spawn', model: patient, slots: SLOTS, context }),
  });
  return ((await answer.json()) as { job_id: string }).job_id;
}

const streamOf = async (jobId: string): Promise<string> => (await fetch(`${swarm.hiveUrl}/v1/jobs/${jobId}/stream`)).text();

test('of two concurrent workers that each need more than half of the free memory, one is refused before it starts', async () => {
  const { memory } = await swarm.result<Model>(['model', 'get', 'tiny']);
  const { memory_free_bytes: free } = await cpu();
  const context = Math.round((0.6 * free) / (memory?.kv_bytes_per_token ?? 0) / SLOTS);
  const jobs = await Promise.all([spawnOnHive(context), spawnOnHive(context)]);
  const [first, other] = jobs.map((jobId) => streamOf(jobId).then((stream) => ({ jobId, stream })));
  const refused = await Promise.race([first, other]);
  expect(refused?.stream).toContain('"code":"no_room"');
  expect(refused?.stream).toContain('are promised to workers that are loading');
  // The accepted one must not come to taking its memory: this machine is not only ours.
  const [accepted = ''] = jobs.filter((jobId) => jobId !== refused?.jobId);
  const { promised_bytes: promised = 0 } = await cpu();
  await fetch(`${swarm.hiveUrl}/v1/jobs/${accepted}`, { method: 'DELETE' });
  expect(promised).toBeGreaterThan(0.55 * free);
  expect(await streamOf(accepted)).toContain('event: cancelled');
  await expect.poll(async () => (await cpu()).promised_bytes).toBe(0);
  expect(leftovers(swarm.home)).toHaveLength(2);
});

test('a worker that can never fit is refused without starting a process', async () => {
  const stream = await streamOf(await spawnOnHive(1_048_576));
  expect(stream).toContain('"code":"model_too_large"');
  expect(stream).toMatch(/needs about 8\d\d GB \(256 slots of 1048576 tokens\) and cpu:0 has/);
  expect(leftovers(swarm.home)).toHaveLength(2);
});

test('a worker reports its memory need, its pin and its last use; the first two survive a restart of its hive', async () => {
  const spawned = await swarm.result<Worker>(['worker', 'spawn', '--pin']);
  const { memory } = await swarm.result<Model>(['model', 'get', 'tiny']);
  expect(spawned).toMatchObject({ pinned: true, need_bytes: expect.any(Number) as number });
  expect(spawned.need_bytes).toBe(
    (memory?.weights_bytes ?? 0) + (memory?.kv_bytes_per_token ?? 0) * 1024 * 4 + (memory?.compute_bytes ?? 0),
  );
  await swarm.result(['infer', 'hello', '--worker-id', spawned.worker_id]);
  const used = await swarm.result<Worker>(['worker', 'get', spawned.worker_id]);
  expect(Date.parse(used.last_used_at ?? '')).toBeGreaterThan(Date.parse(spawned.started_at));
  expect((await swarm.rbee(['worker', 'list'])).stdout).toMatch(/PINNED +IDLE[^]*yes +\d/);
  const restarted = await swarm.result<Worker>(['worker', 'restart', spawned.worker_id]);
  expect(restarted).toMatchObject({ pinned: true, need_bytes: spawned.need_bytes });
  const { pid } = await swarm.result<{ pid: number }>(['hive', 'status']);
  process.kill(pid, 'SIGKILL');
  const adopted = await swarm.result<Worker>(['worker', 'get', spawned.worker_id]);
  expect(adopted).toMatchObject({ pid: restarted.pid, pinned: true, need_bytes: spawned.need_bytes });
});

test('model list and model get show the memory that a model needs', async () => {
  const { stdout } = await swarm.rbee(['model', 'get', 'tiny']);
  expect(stdout).toMatch(/memory +1\.9 MB of weights, 3\.2 MB of KV cache for 1,000 tokens, 3\.6 MB of compute buffers/);
});
