import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Worker } from '../src/contract/index.ts';
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

async function workerOf(swarm: Swarm): Promise<Worker | undefined> {
  return (await swarm.result<{ workers: Worker[] }>(['worker', 'list'])).workers[0];
}

test('a child process of a worker ends with it when the worker is killed, and the restarted worker has only its own', async () => {
  await using swarm = await testSwarm({ env });
  const { pid } = await swarm.result<Worker>(['worker', 'spawn']);
  const [child] = childrenOf(swarm);
  expect(child).toBeDefined();
  process.kill(pid ?? 0, 'SIGKILL');
  await expect.poll(async () => (await workerOf(swarm))?.state, { timeout: 30_000 }).toBe('ready');
  await expect.poll(() => childrenOf(swarm)).toHaveLength(1);
  expect(childrenOf(swarm)).not.toContain(child);
}, 90_000);

test('a child process of a worker ends with it when the worker is deleted', async () => {
  await using swarm = await testSwarm({ env });
  const { worker_id } = await swarm.result<Worker>(['worker', 'spawn']);
  expect(childrenOf(swarm)).toHaveLength(1);
  await swarm.result(['worker', 'delete', worker_id]);
  await expect.poll(() => childrenOf(swarm)).toEqual([]);
}, 90_000);

test('a child process of a worker ends with it when the worker cannot load its model', async () => {
  await using swarm = await testSwarm({ env });
  const model = join(swarm.home, 'broken.gguf');
  await writeFile(model, `GGUF${'x'.repeat(100_000)}`);
  expect((await swarm.rbee(['worker', 'spawn', '--model', model])).code).not.toBe(0);
  await expect.poll(() => childrenOf(swarm)).toEqual([]);
}, 90_000);

test('the next hive ends the child of a worker that was killed together with its hive', async () => {
  await using swarm = await testSwarm({ env });
  const { pid } = await swarm.result<Worker>(['worker', 'spawn']);
  const { pid: hivePid } = await swarm.result<{ pid: number }>(['hive', 'status']);
  process.kill(hivePid, 'SIGKILL');
  process.kill(pid ?? 0, 'SIGKILL');
  expect(childrenOf(swarm)).toHaveLength(1);
  await swarm.result(['hive', 'start']);
  await expect.poll(() => childrenOf(swarm), { timeout: 10_000 }).toEqual([]);
}, 90_000);

test('rbee down ends the child of a worker whose hive was killed', async () => {
  await using swarm = await testSwarm({ env });
  await swarm.result<Worker>(['worker', 'spawn']);
  const { pid: hivePid } = await swarm.result<{ pid: number }>(['hive', 'status']);
  process.kill(hivePid, 'SIGKILL');
  expect(childrenOf(swarm)).toHaveLength(1);
  await swarm.result(['down']);
  await expect.poll(() => childrenOf(swarm), { timeout: 10_000 }).toEqual([]);
}, 90_000);
