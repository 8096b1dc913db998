import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ENDLESS, testSwarm, type Swarm } from './support/swarm.ts';

interface Job {
  job_id: string;
  state: string;
  downstream: { role: string; job_id: string }[];
}

async function statesOfAllHops(swarm: Swarm, jobId: string): Promise<string[]> {
  interface Trace {
    job: Job;
    downstream: { trace?: Trace }[];
  }
  const states: string[] = [];
  for (
    let trace: Trace | undefined = (await (await fetch(`${swarm.queenUrl}/v1/jobs/${jobId}/trace`)).json()) as Trace;
    trace;
    trace = trace.downstream[0]?.trace
  ) {
    states.push(trace.job.state);
  }
  return states;
}

async function postEndless(swarm: Swarm): Promise<string> {
  const json_schema = JSON.parse(ENDLESS.at(-1) ?? '') as object;
  const answer = await fetch(`${swarm.queenUrl}/v1/jobs`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ operation: 'infer', prompt: 'Count', json_schema }),
  });
  return ((await answer.json()) as { job_id: string }).job_id;
}

describe('a request is cancelled', () => {
  let swarm: Swarm;
  beforeAll(async () => {
    swarm = await testSwarm();
    await swarm.result(['worker', 'spawn', '--slots', '1']);
  });
  afterAll(() => swarm[Symbol.asyncDispose]());

  test('on every hop by Ctrl-C, which frees the slot', async () => {
    const running = swarm.start(ENDLESS);
    await running.says('stdout', /.{20}/s);
    running.child.kill('SIGINT');
    const { code, stderr } = await running.ended;
    expect(code).toBe(130);
    expect(stderr).toContain('cancelled');
    const { jobs } = await swarm.result<{ jobs: Job[] }>(['jobs', '--operation', 'infer']);
    expect(await statesOfAllHops(swarm, jobs[0]?.job_id ?? '')).toEqual(['cancelled', 'cancelled', 'cancelled']);
    const { workers } = await swarm.result<{ workers: { slots_used: number }[] }>(['worker', 'list']);
    expect(workers[0]?.slots_used).toBe(0);
  });

  test('when the reader of a pipe has enough', async () => {
    const running = swarm.start([...ENDLESS, '-q']);
    await running.says('stdout', /.{10}/s);
    running.child.stdout?.destroy();
    const { stderr } = await running.ended;
    expect(stderr).toBe('');
    const { jobs } = await swarm.result<{ jobs: Job[] }>(['jobs', '--operation', 'infer']);
    expect(jobs[0]?.state).toBe('cancelled');
  });

  test('while it waits for a slot: it leaves the queue, and the request that has the slot is answered', async () => {
    const first = swarm.start(ENDLESS);
    await first.says('stdout', /.{10}/s);
    // More requests before it, so that its turn does not come while its command is only starting.
    const ahead = await Promise.all([1, 2, 3].map(() => postEndless(swarm)));
    const waiting = swarm.start(ENDLESS);
    await waiting.says('stderr', /waiting for one/);
    for (const id of ahead) await fetch(`${swarm.queenUrl}/v1/jobs/${id}`, { method: 'DELETE' });
    waiting.child.kill('SIGINT');
    expect((await waiting.ended).code).toBe(130);
    expect((await first.ended).code).toBe(0);
  });
});
