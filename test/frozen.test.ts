import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ENDLESS, testSwarm, type Swarm } from './support/swarm.ts';

interface Job {
  job_id: string;
  state: string;
  error?: { code: string; message: string };
}

const inferJobs = async (url: string): Promise<Job[]> =>
  ((await (await fetch(`${url}/v1/jobs?operation=infer`)).json()) as { jobs: Job[] }).jobs;

const logOf = (swarm: Swarm, jobId: string) => join(swarm.home, 'data', 'jobs', 'queen', `${jobId}.ndjson`);

/** Lets one fleet have the other's hive, with a worker on it, as 'attic'. @returns its pid */
async function lend(elsewhere: Swarm, swarm: Swarm): Promise<number> {
  await elsewhere.result(['worker', 'spawn']);
  const { pid } = await elsewhere.result<{ pid: number }>(['hive', 'status']);
  await swarm.result(['hive', 'create', 'attic', '--host', '127.0.0.1', '--port', elsewhere.env['RBEE_HIVE_PORT'] ?? '']);
  return pid;
}

describe('a hive of another home that freezes', () => {
  let swarm: Swarm;
  let elsewhere: Swarm;
  let pid: number;
  beforeAll(async () => {
    [swarm, elsewhere] = await Promise.all([testSwarm(), testSwarm()]);
    pid = await lend(elsewhere, swarm);
  });
  afterAll(() => Promise.all([swarm, elsewhere].map((each) => each[Symbol.asyncDispose]())));

  test('is given up after 30 s, and the events that it sends when it is thawed change nothing', async () => {
    const running = swarm.start([...ENDLESS, '--hive-id', 'attic']);
    await running.says('stdout', /.{20}/s);
    process.kill(pid, 'SIGSTOP');
    await running.says('stderr', /hive 'attic' has sent no heartbeat for 4 s; waiting up to 26 s/);
    await running.says('stderr', /hive 'attic' is unreachable \(no sign of life for 8 s\); waiting up to 22 s/);
    // Another hive is not slowed down by it.
    expect((await swarm.rbee(['infer', 'hello', '-q'])).code).toBe(0);
    const { code, stderr } = await running.ended;
    expect([code, stderr]).toEqual([
      4,
      expect.stringMatching(/Error: Hive 'attic' was unreachable for 30 s: no sign of life for 8 s/),
    ]);

    const failed = (await inferJobs(swarm.queenUrl)).find(({ state }) => state === 'failed');
    expect(failed?.error).toMatchObject({ code: 'hive_unreachable' });
    const log = readFileSync(logOf(swarm, failed?.job_id ?? ''), 'utf8');
    process.kill(pid, 'SIGCONT');
    await expect
      .poll(async () => (await inferJobs(elsewhere.hiveUrl)).map(({ state }) => state))
      .toEqual([expect.stringMatching(/cancelled|completed/)]);
    expect(readFileSync(logOf(swarm, failed?.job_id ?? ''), 'utf8')).toBe(log);
    expect((await swarm.rbee(['infer', 'hello', '-q', '--hive-id', 'attic'])).code).toBe(0);
  });

  test('does not compute a request that was given up before it could accept it', async () => {
    const before = (await inferJobs(elsewhere.hiveUrl)).length;
    process.kill(pid, 'SIGSTOP');
    const refused = await swarm.rbee([...ENDLESS, '--hive-id', 'attic']);
    // Both the request and the connection for events have 8 s, and either may be over first.
    expect(refused.stderr).toMatch(
      /Error: (Failed to connect to hive: no answer within 8 s|Hive 'attic' was unreachable for 30 s: no sign of life for 8 s)/,
    );
    process.kill(pid, 'SIGCONT');
    // It finds the request when it thaws: that was on its way.
    await expect.poll(async () => (await inferJobs(elsewhere.hiveUrl)).length).toBe(before + 1);
    await expect.poll(async () => (await inferJobs(elsewhere.hiveUrl))[0]?.state).toBe('cancelled');
    expect((await swarm.rbee(['infer', 'hello', '-q', '--hive-id', 'attic'])).code).toBe(0);
  });
});
