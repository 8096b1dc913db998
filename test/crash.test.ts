import { once } from 'node:events';
import { appendFileSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { failed, type Worker } from '../src/contract/index.ts';
import { ask, endsOf, narrationsOf, requests, resultOf, run, runAll, type Followed } from './support/streams.ts';
import { ENDLESS, leftovers, testSwarm, type Swarm } from './support/swarm.ts';
import { until } from './support/until.ts';

const pidOfQueen = async (swarm: Swarm) => (await ask(swarm, 'status')).queen.pid;
const pidOfHive = async (swarm: Swarm) => (await ask(swarm, 'hive_status')).pid ?? 0;
const onlyWorker = async (swarm: Swarm) => {
  const { workers } = await ask(swarm, 'worker_list');
  expect(workers).toHaveLength(1);
  return workers[0] as Worker & { pid: number };
};

/** Of the running workers that have a pidfile, which they have before they load. */
function workerPids({ home }: Swarm): number[] {
  const run = join(home, 'state', 'run');
  const files = readdirSync(run).filter((file) => /^worker-.*\.json$/.test(file));
  const pids = files.map((file) => (JSON.parse(readFileSync(join(run, file), 'utf8')) as { pid: number }).pid);
  const running = leftovers(home);
  return pids.filter((pid) => running.includes(pid));
}

const texts = (all: readonly Followed[]) => all.map(({ text }) => text);

/** What a machine that crashed in the middle of a write leaves behind. */
function tearLogs(swarm: Swarm, role: string): void {
  const folder = join(swarm.home, 'data', 'jobs', role);
  for (const log of readdirSync(folder)) appendFileSync(join(folder, log), '{"seq":9,"event":"tok');
}

describe('while ten requests are being answered on four slots', () => {
  const all = requests(10);
  let swarm: Swarm;
  let undisturbed: string[];
  beforeAll(async () => {
    swarm = await testSwarm();
    await swarm.result(['worker', 'spawn', '--slots', '4']);
    undisturbed = texts(await runAll(swarm, all));
    expect(new Set(undisturbed).size).toBeGreaterThan(7);
  });
  afterAll(() => swarm[Symbol.asyncDispose]());

  test('the queen is killed: started again, it continues where its logs end, even if their last line is torn', async () => {
    const pid = await pidOfQueen(swarm);
    const act = async () => {
      process.kill(pid, 'SIGKILL');
      await until(() => !leftovers(swarm.home).includes(pid));
      tearLogs(swarm, 'queen');
      expect((await swarm.rbee(['queen', 'start'])).code).toBe(0);
    };
    const followed = await runAll(swarm, all, { begun: 4, tokens: 40, act });
    expect(endsOf(followed)).toEqual(new Set(['result']));
    expect(texts(followed)).toEqual(undisturbed);
    expect(followed.map((one) => resultOf(one).text)).toEqual(undisturbed);
    expect(narrationsOf(followed)).toContain('the queen was restarted; resuming infer');
    expect(narrationsOf(followed)).toContain('the queen was restarted; infer waits for a place again');
  });

  test('the hive is killed: the queen starts it again, and it adopts its worker with the answers in progress', async () => {
    const [hive, worker] = [await pidOfHive(swarm), await onlyWorker(swarm)];
    const followed = await runAll(swarm, all, { begun: 4, tokens: 40, act: () => void process.kill(hive, 'SIGKILL') });
    expect(endsOf(followed)).toEqual(new Set(['result']));
    expect(texts(followed)).toEqual(undisturbed);
    expect(narrationsOf(followed)).toContain('the hive was started again; resuming on worker');
    expect(await onlyWorker(swarm)).toMatchObject({ pid: worker.pid, worker_id: worker.worker_id });
  });

  test('the hive freezes: it is replaced like a dead one, and the streams continue', async () => {
    const [hive, worker] = [await pidOfHive(swarm), await onlyWorker(swarm)];
    const followed = await runAll(swarm, all, { begun: 4, tokens: 40, act: () => void process.kill(hive, 'SIGSTOP') });
    expect(endsOf(followed)).toEqual(new Set(['result']));
    expect(texts(followed)).toEqual(undisturbed);
    expect(narrationsOf(followed)).toMatch(/hive 'localhost' is unreachable \((connection closed|no sign of life for 8 s)\)/);
    expect(await onlyWorker(swarm)).toMatchObject({ pid: worker.pid });
    expect(await pidOfHive(swarm)).not.toBe(hive);
  });

  test('the worker is killed: the answers that it had begun fail at once, the other requests run on its successor', async () => {
    const { pid, worker_id } = await onlyWorker(swarm);
    let killedAt = 0;
    const act = () => {
      killedAt = Date.now();
      process.kill(pid, 'SIGKILL');
    };
    const followed = await runAll(swarm, all, { begun: 4, tokens: 40, act });
    const died = followed.filter(({ last }) => last.kind === 'failed');
    expect(died.length).toBeGreaterThan(0);
    expect(died.length).toBeLessThanOrEqual(4);
    for (const { last, endedAt } of died) {
      expect(failed.parse(JSON.parse(last.json))).toMatchObject({ code: 'worker_died', origin: 'rbee-hive', retryable: true });
      // Far below the 30 s after which a silent stream is given up.
      expect(endedAt - killedAt).toBeLessThan(15_000);
    }
    for (const [index, { last, text }] of followed.entries()) if (last.kind === 'result') expect(text).toBe(undisturbed[index]);
    const successor = await onlyWorker(swarm);
    expect(successor).toMatchObject({ worker_id, state: 'ready' });
    expect(successor.pid).not.toBe(pid);
  });

  test('the worker freezes: it is killed like a hung process, and the other requests run on its successor', async () => {
    const { pid, worker_id } = await onlyWorker(swarm);
    const followed = await runAll(swarm, all, { begun: 4, tokens: 40, act: () => void process.kill(pid, 'SIGSTOP') });
    const died = followed.filter(({ last }) => last.kind === 'failed');
    expect(died.map(({ last }) => failed.parse(JSON.parse(last.json)).code)).toEqual(died.map(() => 'worker_died'));
    expect(died.length).toBeLessThanOrEqual(4);
    for (const [index, { last, text }] of followed.entries()) if (last.kind === 'result') expect(text).toBe(undisturbed[index]);
    expect(await onlyWorker(swarm)).toMatchObject({ worker_id, state: 'ready' });
  });

  test('queen and hive are killed at once: the client that follows an answer starts both again and gets all of it', async () => {
    const undisturbed = await swarm.rbee([...ENDLESS, '-q']);
    const [queen, hive] = [await pidOfQueen(swarm), await pidOfHive(swarm)];
    const running = swarm.start(ENDLESS);
    await running.says('stdout', /.{20}/s);
    process.kill(queen, 'SIGKILL');
    process.kill(hive, 'SIGKILL');
    const { code, stdout, stderr } = await running.ended;
    expect(code, stderr).toBe(0);
    expect(stdout).toBe(undisturbed.stdout);
    expect(stderr).toContain('the queen was restarted');
    expect(stderr).toContain('the hive was started again');
  });
});

describe('killed workers', () => {
  let swarm: Swarm;
  beforeAll(async () => {
    swarm = await testSwarm();
    await swarm.result(['hive', 'start']);
  });
  afterAll(() => swarm[Symbol.asyncDispose]());

  test('a worker that is killed while it loads is started again, and the requests that wait for it keep waiting', async () => {
    const following = runAll(swarm, requests(10));
    await until(() => workerPids(swarm).length === 1);
    process.kill(workerPids(swarm)[0] ?? 0, 'SIGKILL');
    const followed = await following;
    expect(endsOf(followed)).toEqual(new Set(['result']));
    expect(narrationsOf(followed)).toContain('was killed by SIGKILL while it was loading; starting it again');
  });

  test('a hive that is started again adopts no other program as its worker, whatever the pidfile says, and ends the worker', async () => {
    const [hive, { pid, worker_id }] = [await pidOfHive(swarm), await onlyWorker(swarm)];
    const asked: string[] = [];
    const stranger = createServer((request, response) => {
      asked.push(request.url ?? '');
      response.end('{"role":"worker"}');
    }).listen(0, '127.0.0.1');
    await once(stranger, 'listening');
    process.kill(hive, 'SIGKILL');
    const pidfile = join(swarm.home, 'state', 'run', `${worker_id}.json`);
    const written = JSON.parse(readFileSync(pidfile, 'utf8')) as object;
    writeFileSync(pidfile, JSON.stringify({ ...written, port: (stranger.address() as AddressInfo).port }));
    expect(await ask(swarm, 'worker_list')).toEqual({ workers: [] });
    // It was looked at, and never given anything to do.
    expect(new Set(asked)).toEqual(new Set(['/v1/proof', '/health']));
    // A worker that cannot be reached is of no use, and holds its memory.
    await until(() => !leftovers(swarm.home).includes(pid));
    stranger.close();
  });

  test('a request on which two workers die is not sent to a third, and fails with request_killed_worker', async () => {
    const killed: number[] = [];
    // Without a stream, nothing of the answer is out when its worker ends.
    const story = { prompt: 'Tell me a story.', temperature: 1, seed: 1, stream: false };
    const { last } = await run(swarm, 'infer', story, ({ json }) => {
      if (!json.includes('is generating')) return;
      killed.push(...workerPids(swarm));
      process.kill(killed.at(-1) ?? 0, 'SIGKILL');
    });
    const error = failed.parse(JSON.parse(last.json));
    expect(error).toMatchObject({ code: 'request_killed_worker', retryable: false });
    expect(error.message).toContain('was killed by SIGKILL');
    expect(new Set(killed).size).toBe(2);
    await ask(swarm, 'infer', { prompt: 'hello' });
  });

  test('a worker that keeps dying is started again 3 times in 10 minutes and then given up; the next request gets a new one', async () => {
    const { worker_id: former } = await onlyWorker(swarm);
    await ask(swarm, 'worker_delete', { worker_id: former });
    await ask(swarm, 'worker_spawn');
    const pids = new Set<number>();
    for (let death = 0; death < 4; death += 1) {
      await until(async () => (await onlyWorker(swarm)).state === 'ready');
      const { pid } = await onlyWorker(swarm);
      pids.add(pid);
      process.kill(pid, 'SIGKILL');
      await until(async () => {
        const now = await onlyWorker(swarm);
        return now.state !== 'ready' || now.pid !== pid;
      });
    }
    expect(pids.size).toBe(4);
    // It has exited before the hive has decided about it.
    await until(async () => (await onlyWorker(swarm)).last_words?.includes('not restarted again') === true);
    expect(await onlyWorker(swarm)).toMatchObject({
      state: 'exited',
      last_words: expect.stringContaining('Restarted 3 times in 10 minutes; it is not restarted again') as string,
    });
    await ask(swarm, 'infer', { prompt: 'hello' });
  });
});
