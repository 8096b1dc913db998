import { appendFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { LOG_LINE_LIMIT_CHARS, type JobRecord, type Worker } from '../src/contract/index.ts';
import { testSwarm, type Swarm } from './support/swarm.ts';

let swarm: Swarm;
let workerId: string;
beforeAll(async () => {
  swarm = await testSwarm();
  workerId = (await swarm.result<Worker>(['worker', 'spawn'])).worker_id;
}, 60_000);
afterAll(async () => {
  await swarm[Symbol.asyncDispose]();
});

const logFile = (id: string) => join(swarm.home, 'state/logs', `${id}.log`);

async function workerNow(id: string): Promise<Worker | undefined> {
  const { workers } = await swarm.result<{ workers: Worker[] }>(['worker', 'list']);
  return workers.find(({ worker_id }) => worker_id === id);
}

/** The lines that were sent, and the result, as a script reads them. */
async function logsOf(...args: string[]): Promise<{ lines: string[]; result: unknown }> {
  const { code, stdout, stderr } = await swarm.rbee(['worker', 'logs', ...args, '--json']);
  expect(code, stderr + stdout).toBe(0);
  const events = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { event: string; data: { line: string } });
  return {
    lines: events.filter(({ event }) => event === 'log').map(({ data }) => data.line),
    result: events.at(-1)?.data,
  };
}

test('the last lines of a worker’s log come through the queen, and the result counts them', async () => {
  const { lines, result } = await logsOf(workerId, '--lines', '2');
  expect(lines).toHaveLength(2);
  expect(lines.join('\n')).toContain(`${workerId} is ready on port`);
  expect(result).toEqual({ worker_id: workerId, lines: 2 });
});

test('a person gets log lines as time, level, actor and message', async () => {
  const { stdout } = await swarm.rbee(['worker', 'logs', workerId]);
  expect(stdout).toMatch(/^\d\d:\d\d:\d\d INFO {2}\[llm-worker-rbee\] .*is ready on port \d+$/m);
});

test('a line over the limit is cut', async () => {
  await appendFile(logFile(workerId), `${'x'.repeat(LOG_LINE_LIMIT_CHARS + 1)}\n`);
  const { lines } = await logsOf(workerId, '--lines', '1');
  expect(lines).toEqual(['x'.repeat(LOG_LINE_LIMIT_CHARS)]);
});

test('a followed log continues when the worker is started again, and ends when the worker is deleted', async () => {
  const { worker_id, pid = 0 } = await swarm.result<Worker>(['worker', 'spawn']);
  const followed = swarm.start(['worker', 'logs', worker_id, '--lines', '1', '--follow']);
  await followed.says('stdout', /is ready on port/);
  await appendFile(logFile(worker_id), 'a line of the engine\n');
  await followed.says('stdout', /^a line of the engine$/m);
  process.kill(pid, 'SIGKILL');
  await followed.says('stdout', /is ready on port(.|\n)*is ready on port/);
  expect((await workerNow(worker_id))?.pid).not.toBe(pid);
  await swarm.result(['worker', 'delete', worker_id]);
  expect(await followed.ended).toMatchObject({ code: 0 });
}, 60_000);

test('the log of a worker that could not load is readable while the worker is listed', async () => {
  const model = join(swarm.home, 'broken.gguf');
  await writeFile(model, `GGUF${'x'.repeat(100_000)}`);
  const spawned = await swarm.rbee(['worker', 'spawn', '--model', model]);
  expect(spawned.code).not.toBe(0);
  const { workers } = await swarm.result<{ workers: Worker[] }>(['worker', 'list']);
  const exited = workers.find(({ state }) => state === 'exited');
  const { lines } = await logsOf(exited?.worker_id ?? '', '--follow');
  expect(lines.join('\n')).toContain('"level":"fatal"');
  await rm(model);
}, 60_000);

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
  for (const url of [swarm.queenUrl, swarm.hiveUrl])
    await expect.poll(() => stateOn(url), { timeout: 30_000, interval: 200 }).toBe('cancelled');
}, 60_000);

test('the log of a worker that does not exist is refused with its id', async () => {
  const { code, stderr } = await swarm.rbee(['worker', 'logs', 'worker-none']);
  expect(code).toBe(3);
  expect(stderr).toContain("Worker 'worker-none' not found on hive 'localhost'");
});
