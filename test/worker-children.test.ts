import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ask, run } from './support/streams.ts';
import { leftovers, testSwarm, type Swarm } from './support/swarm.ts';

const MARK = 'a-child-of-a-worker';
/** Runs in each process of a fleet before rbee: gives every worker a child in its process group, which ignores SIGTERM. */
const PRELOADED = `
  import { spawn } from 'node:child_process';
  if (process.argv[2] === 'worker' && process.argv[3] === 'run') {
    const env = { ...process.env, NODE_OPTIONS: '' };
    const code = "process.on('SIGTERM', () => {}); setInterval(() => {}, 1000)";
    spawn(process.execPath, ['-e', code, '${MARK}'], { stdio: 'ignore', env }).unref();
  }`;
const env = { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(PRELOADED)}` };

/** The pids of the children of workers. */
function childrenOf(swarm: Swarm): number[] {
  return leftovers(swarm.home).filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(MARK);
    } catch {
      return false; // It has ended since.
    }
  });
}

let swarm: Swarm;
beforeAll(async () => {
  swarm = await testSwarm({ env });
  await swarm.result(['hive', 'start']);
});
afterAll(() => swarm[Symbol.asyncDispose]());

const spawn = () => ask(swarm, 'worker_spawn');
const hivePid = async () => (await ask(swarm, 'hive_status')).pid ?? 0;

test('a child process of a worker ends with it when the worker is killed, and the restarted worker has only its own; and when the worker is deleted', async () => {
  const { pid, worker_id } = await spawn();
  const [child] = childrenOf(swarm);
  expect(child).toBeDefined();
  process.kill(pid ?? 0, 'SIGKILL');
  const restarted = async () => {
    const { workers } = await ask(swarm, 'worker_list');
    return workers.some((worker) => worker.state === 'ready' && worker.pid !== pid);
  };
  await expect.poll(restarted).toBe(true);
  await expect.poll(() => childrenOf(swarm)).toHaveLength(1);
  expect(childrenOf(swarm)).not.toContain(child);
  await ask(swarm, 'worker_delete', { worker_id });
  await expect.poll(() => childrenOf(swarm)).toEqual([]);
});

test('a child process of a worker ends with it when the worker cannot load its model', async () => {
  const model = join(swarm.home, 'broken.gguf');
  await writeFile(model, `GGUF${'x'.repeat(100_000)}`);
  expect((await run(swarm, 'worker_spawn', { model })).last.kind).toBe('failed');
  await expect.poll(() => childrenOf(swarm)).toEqual([]);
});

test('the next hive ends the child of a worker that was killed together with its hive', async () => {
  const { pid } = await spawn();
  const hive = await hivePid();
  process.kill(hive, 'SIGKILL');
  process.kill(pid ?? 0, 'SIGKILL');
  expect(childrenOf(swarm)).toHaveLength(1);
  await swarm.result(['hive', 'start']);
  await expect.poll(() => childrenOf(swarm)).toEqual([]);
});

test('rbee down ends the child of a worker whose hive was killed', async () => {
  await spawn();
  process.kill(await hivePid(), 'SIGKILL');
  expect(childrenOf(swarm).length).toBeGreaterThan(0);
  await swarm.result(['down']);
  await expect.poll(() => childrenOf(swarm)).toEqual([]);
});
