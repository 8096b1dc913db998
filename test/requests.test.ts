import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { fleetLine, type FleetLine } from '../src/contract/index.ts';
import { ask } from './support/streams.ts';
import { ENDLESS, leftovers, testSwarm, type Swarm } from './support/swarm.ts';
import { until } from './support/until.ts';

interface Job {
  job_id: string;
  state: string;
}

const jobsAt = async (url: string, query: string): Promise<Job[]> =>
  ((await (await fetch(`${url}/v1/jobs?${query}`)).json()) as { jobs: Job[] }).jobs;

async function post(body: object): Promise<string> {
  const answer = await fetch(`${swarm.queenUrl}/v1/jobs`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  return ((await answer.json()) as { job_id: string }).job_id;
}

const postEndless = (): Promise<string> =>
  post({ operation: 'infer', prompt: 'Count', json_schema: JSON.parse(ENDLESS.at(-1) ?? '') as object });

const streamOf = async (jobId: string): Promise<string> => (await fetch(`${swarm.queenUrl}/v1/jobs/${jobId}/stream`)).text();

async function statesOfAllHops(jobId: string): Promise<string[]> {
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

let swarm: Swarm;
beforeAll(async () => {
  swarm = await testSwarm();
  expect((await swarm.rbee(['queen', 'start'])).code).toBe(0);
});
afterAll(() => swarm[Symbol.asyncDispose]());

describe('many requests at once', () => {
  test('to a fleet with nothing but a queen: twenty start one hive and one worker, and all are answered', async () => {
    const ids = await Promise.all(
      Array.from({ length: 20 }, () => post({ operation: 'infer', prompt: 'hello', temperature: 0 })),
    );
    const streams = await Promise.all(ids.map((id) => streamOf(id)));
    for (const stream of streams) expect(stream).toContain('event: result\n');
    expect(leftovers(swarm.home)).toHaveLength(3);
  });

  test('each cancelled at another moment: the cancel reaches every hop', async () => {
    for (let waitMs = 0; waitMs < 24; waitMs += 1) {
      const jobId = await postEndless();
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

describe('a request is cancelled', () => {
  beforeAll(async () => {
    await ask(swarm, 'worker_spawn', { slots: 1 });
  });

  test('on every hop by Ctrl-C, which frees the slot', async () => {
    const running = swarm.start(ENDLESS);
    await running.says('stdout', /.{20}/s);
    running.child.kill('SIGINT');
    const { code, stderr } = await running.ended;
    expect(code).toBe(130);
    expect(stderr).toContain('cancelled');
    const [job] = await jobsAt(swarm.queenUrl, 'operation=infer');
    expect(await statesOfAllHops(job?.job_id ?? '')).toEqual(['cancelled', 'cancelled', 'cancelled']);
    const { workers } = await ask(swarm, 'worker_list');
    expect(workers[0]?.slots_used).toBe(0);
  });

  test('when the reader of a pipe has enough', async () => {
    const running = swarm.start([...ENDLESS, '-q']);
    await running.says('stdout', /.{10}/s);
    running.child.stdout?.destroy();
    const { stderr } = await running.ended;
    expect(stderr).toBe('');
    const [job] = await jobsAt(swarm.queenUrl, 'operation=infer');
    expect(job?.state).toBe('cancelled');
  });

  test('while it waits for a slot: it leaves the queue, and the request that has the slot is answered', async () => {
    const first = swarm.start(ENDLESS);
    await first.says('stdout', /.{10}/s);
    // More requests before it, so that its turn does not come while its command is only starting.
    const ahead = await Promise.all([1, 2, 3].map(() => postEndless()));
    const waiting = swarm.start(ENDLESS);
    await waiting.says('stderr', /waiting for one/);
    for (const id of ahead) await fetch(`${swarm.queenUrl}/v1/jobs/${id}`, { method: 'DELETE' });
    waiting.child.kill('SIGINT');
    expect((await waiting.ended).code).toBe(130);
    expect((await first.ended).code).toBe(0);
  });
});

/** Reads GET /v1/presence of the queen until the connection ends. */
async function subscribe() {
  const abort = new AbortController();
  onTestFinished(() => abort.abort());
  const response = await fetch(`${swarm.queenUrl}/v1/presence`, { signal: abort.signal });
  const lines: FleetLine[] = [];
  let rest = '';
  const read = async () => {
    for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
      const texts = `${rest}${chunk}`.split('\n');
      rest = texts.pop() ?? '';
      lines.push(...texts.filter((text) => text !== 'ping').map((text) => fleetLine.parse(JSON.parse(text))));
    }
  };
  return { lines, ended: read().catch(() => undefined) };
}

const states = (lines: readonly FleetLine[]) => lines.flatMap((line) => (line.kind === 'hive_state' ? line.state : []));

test('the queen streams its fleet, a hive that is stopped and started, and all of it again after a restart of the queen', async () => {
  const { worker_id } = await ask(swarm, 'infer', { prompt: 'Hi', max_tokens: 1 });
  // An answer may be at its client before the hive's report of the worker is at the queen.
  await until(async () => (await ask(swarm, 'status')).workers.length > 0);

  const first = await subscribe();
  await until(() => first.lines.some(({ kind }) => kind === 'complete'));
  const whole = first.lines.slice(
    0,
    first.lines.findIndex(({ kind }) => kind === 'complete'),
  );
  expect(whole.map(({ kind }) => kind)).toEqual(['hive_state', 'hive', 'worker']);
  expect(whole[0]).toMatchObject({ hive_id: 'localhost', state: 'running' });
  expect(whole[1]).toMatchObject({ hive_id: 'localhost', devices: expect.arrayContaining([]) as unknown[] });
  expect(whole[2]).toMatchObject({ worker: { worker_id, hive_id: 'localhost', state: expect.any(String) as string } });

  await ask(swarm, 'hive_stop');
  await until(() => states(first.lines).at(-1) === 'stopped');
  expect(first.lines.findLast(({ kind }) => kind === 'hive_state')).toMatchObject({
    reason: 'it is stopped. Start it: rbee hive start localhost',
  });
  const before = first.lines.length;
  await ask(swarm, 'hive_start');
  await until(() => states(first.lines).at(-1) === 'running');
  await until(() => first.lines.slice(before).some(({ kind }) => kind === 'hive'));

  const { pid } = (await (await fetch(`${swarm.queenUrl}/health`)).json()) as { pid: number };
  process.kill(pid, 'SIGKILL');
  await first.ended;
  await swarm.result(['infer', 'Hi', '--max-tokens', '1']);
  const second = await subscribe();
  await until(() => states(second.lines).at(-1) === 'running');
  expect(second.lines[0]).toMatchObject({ kind: 'hive_state', hive_id: 'localhost' });
});
