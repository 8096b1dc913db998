import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ask } from './support/streams.ts';
import { ENDLESS, leftovers, testSwarm, type Swarm } from './support/swarm.ts';

interface Job {
  job_id: string;
  state: string;
}

const jobsAt = async (url: string, query: string): Promise<Job[]> =>
  ((await (await fetch(`${url}/v1/jobs?${query}`)).json()) as { jobs: Job[] }).jobs;

async function post(swarm: Swarm, body: object): Promise<string> {
  const answer = await fetch(`${swarm.queenUrl}/v1/jobs`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  return ((await answer.json()) as { job_id: string }).job_id;
}

const streamOf = async (swarm: Swarm, jobId: string): Promise<string> =>
  (await fetch(`${swarm.queenUrl}/v1/jobs/${jobId}/stream`)).text();

describe('many requests at once', () => {
  let swarm: Swarm;
  beforeAll(async () => {
    swarm = await testSwarm();
    expect((await swarm.rbee(['queen', 'start'])).code).toBe(0);
  });
  afterAll(() => swarm[Symbol.asyncDispose]());

  test('to a fleet with nothing but a queen: twenty start one hive and one worker, and all are answered', async () => {
    const ids = await Promise.all(
      Array.from({ length: 20 }, () => post(swarm, { operation: 'infer', prompt: 'hello', temperature: 0 })),
    );
    const streams = await Promise.all(ids.map((id) => streamOf(swarm, id)));
    for (const stream of streams) expect(stream).toContain('event: result\n');
    expect(leftovers(swarm.home)).toHaveLength(3);
  });

  test('each cancelled at another moment: the cancel reaches every hop', async () => {
    for (let waitMs = 0; waitMs < 24; waitMs += 1) {
      const jobId = await post(swarm, {
        operation: 'infer',
        prompt: 'Count',
        json_schema: JSON.parse(ENDLESS.at(-1) ?? '') as object,
      });
      // Not to give it time, but to hit each moment of its way down once.
      await new Promise((resolve) => setTimeout(resolve, waitMs));
      await fetch(`${swarm.queenUrl}/v1/jobs/${jobId}`, { method: 'DELETE' });
    }
    const running = async () => [
      ...(await jobsAt(swarm.queenUrl, 'state=running')),
      ...(await jobsAt(swarm.hiveUrl, 'state=running')),
    ];
    await expect.poll(running).toEqual([]);
    const states = new Set((await jobsAt(swarm.queenUrl, 'operation=infer')).map(({ state }) => state));
    expect(states).toEqual(new Set(['completed', 'cancelled']));
  });

  test('a queen is not registered as a hive, which would forward to itself indefinitely', async () => {
    const port = swarm.env['RBEE_QUEEN_PORT'] ?? '';
    const { code, stderr } = await swarm.rbee(['hive', 'create', 'loop', '--host', '127.0.0.1', '--port', port, '-q']);
    expect([code, stderr]).toEqual([2, expect.stringContaining('is a queen, not a hive')]);
  });

  test('a hive that is stopped while a worker loads leaves no worker behind', async () => {
    const spawning = swarm.start(['worker', 'spawn']);
    await spawning.says('stderr', /loading tiny/);
    // Not by the command line: to start that takes longer than the load, on a busy machine.
    expect(await ask(swarm, 'hive_stop')).toMatchObject({ state: 'stopped' });
    expect((await spawning.ended).code).not.toBe(0);
    expect(leftovers(swarm.home)).toHaveLength(1);
  });
});
