import { appendFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { LOG_LINE_LIMIT_CHARS, type Device, type JobRecord } from '../src/contract/index.ts';
import { modelWorkshop } from '../src/worker/engines/llama/fixtures/gguf.ts';
import { ask, run } from './support/streams.ts';
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
  const { memory } = await ask(swarm, 'model_get', { model: 'tiny' });
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
  const spawned = await ask(swarm, 'worker_spawn', { pin: true });
  const { memory } = await ask(swarm, 'model_get', { model: 'tiny' });
  expect(spawned).toMatchObject({ pinned: true, need_bytes: expect.any(Number) as number });
  expect(spawned.need_bytes).toBe(
    (memory?.weights_bytes ?? 0) + (memory?.kv_bytes_per_token ?? 0) * 1024 * 4 + (memory?.compute_bytes ?? 0),
  );
  const { worker_id } = spawned;
  await ask(swarm, 'infer', { prompt: 'hello', worker_id });
  const used = await ask(swarm, 'worker_get', { worker_id });
  expect(Date.parse(used.last_used_at ?? '')).toBeGreaterThan(Date.parse(spawned.started_at));
  expect((await swarm.rbee(['worker', 'list'])).stdout).toMatch(/PINNED +IDLE[^]*yes +\d/);
  const restarted = await ask(swarm, 'worker_restart', { worker_id });
  expect(restarted).toMatchObject({ pinned: true, need_bytes: spawned.need_bytes });
  const { pid } = await ask(swarm, 'hive_status');
  process.kill(pid ?? 0, 'SIGKILL');
  const adopted = await ask(swarm, 'worker_get', { worker_id });
  expect(adopted).toMatchObject({ pid: restarted.pid, pinned: true, need_bytes: spawned.need_bytes });
});

test('model list and model get show the memory that a model needs', async () => {
  const { stdout } = await swarm.rbee(['model', 'get', 'tiny']);
  expect(stdout).toMatch(/memory +1\.9 MB of weights, 3\.2 MB of KV cache for 1,000 tokens, 3\.6 MB of compute buffers/);
});

describe('logs of workers', () => {
  let workerId: string;
  beforeAll(async () => {
    workerId = (await ask(swarm, 'worker_spawn')).worker_id;
  });

  const logFile = (id: string) => join(swarm.home, 'state/logs', `${id}.log`);

  /** The lines that were sent, and the result. */
  async function logsOf(worker_id: string, options: object): Promise<{ lines: string[]; result: unknown }> {
    const { events, last } = await run(swarm, 'worker_logs', { worker_id, ...options });
    expect(last.kind, last.json).toBe('result');
    return {
      lines: events.filter(({ kind }) => kind === 'log').map(({ json }) => (JSON.parse(json) as { line: string }).line),
      result: JSON.parse(last.json),
    };
  }

  test('the last lines of a worker’s log come through the queen, and the result counts them', async () => {
    const { lines, result } = await logsOf(workerId, { lines: 2 });
    expect(lines).toHaveLength(2);
    expect(lines.join('\n')).toContain(`${workerId} is ready on port`);
    expect(result).toEqual({ worker_id: workerId, lines: 2 });
  });

  test('a person gets log lines as time, level, actor and message', async () => {
    const { stdout } = await swarm.rbee(['worker', 'logs', workerId]);
    expect(stdout).toMatch(/^\d\d:\d\d:\d\d INFO {2}\[llm-worker-rbee\] .*is ready on port \d+$/m);
  });

  test('a script gets each log line as an event, and then the result', async () => {
    const { code, stdout, stderr } = await swarm.rbee(['worker', 'logs', workerId, '--lines', '2', '--json']);
    expect(code, stderr).toBe(0);
    const events = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { event: string; data: object });
    const log = { event: 'log', data: { line: expect.any(String) as string } };
    expect(events.filter(({ event }) => event !== 'narration')).toMatchObject([
      log,
      log,
      { event: 'result', data: { worker_id: workerId, lines: 2 } },
    ]);
  });

  test('a line over the limit is cut', async () => {
    await appendFile(logFile(workerId), `${'x'.repeat(LOG_LINE_LIMIT_CHARS + 1)}\n`);
    const { lines } = await logsOf(workerId, { lines: 1 });
    expect(lines).toEqual(['x'.repeat(LOG_LINE_LIMIT_CHARS)]);
  });

  test('a followed log continues when the worker is started again, and ends when the worker is deleted', async () => {
    const { worker_id, pid = 0 } = await ask(swarm, 'worker_spawn');
    const followed = swarm.start(['worker', 'logs', worker_id, '--lines', '1', '--follow']);
    await followed.says('stdout', /is ready on port/);
    await appendFile(logFile(worker_id), 'a line of the engine\n');
    await followed.says('stdout', /^a line of the engine$/m);
    process.kill(pid, 'SIGKILL');
    await followed.says('stdout', /is ready on port(.|\n)*is ready on port/);
    expect((await ask(swarm, 'worker_get', { worker_id })).pid).not.toBe(pid);
    await ask(swarm, 'worker_delete', { worker_id });
    expect(await followed.ended).toMatchObject({ code: 0 });
  });

  test('the log of a worker that could not load is readable while the worker is listed', async () => {
    const model = join(swarm.home, 'broken.gguf');
    await writeFile(model, `GGUF${'x'.repeat(100_000)}`);
    expect((await run(swarm, 'worker_spawn', { model })).last.kind).toBe('failed');
    const { workers } = await ask(swarm, 'worker_list');
    const exited = workers.find(({ state }) => state === 'exited');
    const { lines } = await logsOf(exited?.worker_id ?? '', { follow: true });
    expect(lines.join('\n')).toContain('"level":"fatal"');
    await rm(model);
  });

  test('a followed log ends on all hops when its client disconnects', async () => {
    const followed = swarm.start(['worker', 'logs', workerId, '--follow']);
    await followed.says('stdout', /is ready on port/);
    followed.child.kill('SIGKILL');
    const stateOn = async (url: string) => {
      const { jobs } = (await (await fetch(`${url}/v1/jobs`)).json()) as { jobs: JobRecord[] };
      return jobs
        .filter(({ operation }) => operation === 'worker_logs')
        .toSorted((a, b) => (a.created_at < b.created_at ? 1 : -1))[0]?.state;
    };
    for (const url of [swarm.queenUrl, swarm.hiveUrl]) await expect.poll(() => stateOn(url), { interval: 200 }).toBe('cancelled');
  });

  test('the log of a worker that does not exist is refused with its id', async () => {
    const { code, stderr } = await swarm.rbee(['worker', 'logs', 'worker-none']);
    expect(code).toBe(3);
    expect(stderr).toContain("Worker 'worker-none' not found on hive 'localhost'");
  });
});
