import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ask, runAll } from './support/streams.ts';
import { freePorts, leftovers, testSwarm, type Swarm } from './support/swarm.ts';

const ANSWER = 'A bee flies from flower to flower, makes honey and lives in a hive with its sisters.';
const QUESTION = ['infer', 'What does a bee do?', '--temperature', '0'];

describe('from nothing running', () => {
  test('one command starts the fleet, narrates every step and answers on stdout; after a stop, three commands at once start it once', async () => {
    await using swarm = await testSwarm();
    const { code, stdout, stderr } = await swarm.rbee(QUESTION);
    expect(code, stderr).toBe(0);
    expect(stdout).toBe(`${ANSWER}\n`);
    const steps = [
      /queen is asleep, waking queen/,
      /queen is awake and healthy/,
      /local hive started/,
      /model `tiny` ready/,
      /worker worker-[0-9a-f]{8} loading tiny/,
      /worker worker-[0-9a-f]{8} ready/,
    ];
    const places = steps.map((step) => stderr.search(step));
    expect(places, stderr).not.toContain(-1);
    expect(places).toEqual(places.toSorted((a, b) => a - b));
    const pids = leftovers(swarm.home);
    expect(pids).toHaveLength(3);
    const down = await swarm.rbee(['down']);
    expect(down.code).toBe(0);
    expect(leftovers(swarm.home)).toEqual([]);

    const outcomes = await Promise.all([swarm.rbee(QUESTION), swarm.rbee(QUESTION), swarm.rbee(QUESTION)]);
    for (const outcome of outcomes) expect([outcome.code, outcome.stdout], outcome.stderr).toEqual([0, `${ANSWER}\n`]);
    expect(leftovers(swarm.home)).toHaveLength(3);
  });

  test('a command with another port for the queen starts no second queen in the same home', async () => {
    await using swarm = await testSwarm();
    await swarm.result(['hive', 'start']);
    const { RBEE_QUEEN_PORT: port = '' } = swarm.env;
    const [other] = await freePorts(1);
    swarm.env['RBEE_QUEEN_PORT'] = String(other);
    const { code, stderr } = await swarm.rbee(['infer', 'hi']);
    expect({ code, stderr }).toMatchObject({ code: 2, stderr: expect.stringContaining(`runs on port ${port} (pid `) as string });
    const run = await swarm.rbee(['queen', 'run']);
    expect(run).toMatchObject({
      code: 7,
      stdout: '',
      stderr: expect.stringContaining(`A queen of this home is running already, on port ${port}`) as string,
    });
    swarm.env['RBEE_QUEEN_PORT'] = port;
    expect(leftovers(swarm.home)).toHaveLength(2);
  });

  test('status starts no daemon', async () => {
    await using swarm = await testSwarm();
    const { code, stdout } = await swarm.rbee(['status']);
    expect([code, stdout]).toEqual([0, expect.stringContaining('asleep')]);
    expect(leftovers(swarm.home)).toEqual([]);
  });
});

describe('with the fleet up', () => {
  let swarm: Swarm;
  beforeAll(async () => {
    swarm = await testSwarm();
    expect((await swarm.rbee(QUESTION)).code).toBe(0);
  });
  afterAll(async () => {
    await swarm[Symbol.asyncDispose]();
  });

  test('the prompt can come from stdin, and -q prints only the answer', async () => {
    expect(await swarm.rbee(['infer', '-q', '--temperature', '0'], { input: 'What does a bee do?' })).toEqual({
      code: 0,
      stdout: `${ANSWER}\n`,
      stderr: '',
    });
  });

  test('--json prints every event as a line, numbered without gaps, with one terminal event', async () => {
    const { stdout } = await swarm.rbee([...QUESTION, '--json', '--seed', '7']);
    const events = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { id: number | null; event: string; data: Record<string, unknown> });
    const numbered = events.filter(({ id }) => id !== null);
    expect(numbered.map(({ id }) => id)).toEqual(numbered.map((_, index) => index + 1));
    const tokens = events.filter(({ event }) => event === 'token').map(({ data }) => String(data['text']));
    const result = events.at(-1);
    expect(result?.event).toBe('result');
    expect(result?.data).toMatchObject({ text: ANSWER, finish_reason: 'stop', model: 'tiny', seed: 7 });
    expect(tokens.join('')).toBe(ANSWER);
    const narrations = events.filter(({ event, id }) => event === 'narration' && id !== null);
    expect(new Set(narrations.map(({ data }) => data['actor']))).toEqual(new Set(['queen-rbee', 'rbee-hive', 'llm-worker-rbee']));
    expect(new Set(narrations.map(({ data }) => data['correlation_id'])).size).toBe(1);
  });

  test('same seed, same text, alone and among eight at once', async () => {
    const answers = async (...seeds: number[]) => {
      const all = await runAll(
        swarm,
        seeds.map((seed) => ({ prompt: 'Tell me a story', temperature: 0.9, seed })),
      );
      expect(all.map(({ last }) => last.kind)).toEqual(seeds.map(() => 'result'));
      return all.map(({ text }) => text);
    };
    const alone = [...(await answers(1)), ...(await answers(2))];
    const together = await answers(1, 2, 1, 2, 1, 2, 1, 2);
    expect(together).toEqual([...alone, ...alone, ...alone, ...alone]);
    expect(alone).not.toContain('');
    expect(alone[0]).not.toBe(alone[1]);
  });

  test.each(['queen', 'hive', 'worker'] as const)(
    'the curl session works on the port of the %s: POST, then the stream',
    async (role) => {
      const { workers } = await ask(swarm, 'worker_list');
      const url = { queen: swarm.queenUrl, hive: swarm.hiveUrl, worker: `http://127.0.0.1:${workers[0]?.port}` }[role];
      const created = await fetch(`${url}/v1/jobs`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ operation: 'infer', prompt: 'What does a bee do?', temperature: 0, max_tokens: 200 }),
      });
      const { sse_url } = (await created.json()) as { sse_url: string };
      const text = await (await fetch(`${url}${sse_url}?format=text`)).text();
      expect(text).toContain('data: [llm-worker-rbee] ');
      expect(text.endsWith('data: [DONE]\n\n')).toBe(true);
      const said = text.split('\n\n').filter((line) => line.startsWith('data: ') && !line.startsWith('data: ['));
      expect(said.map((line) => line.slice('data: '.length)).join('')).toBe(ANSWER);
      expect(await (await fetch(`${url}${sse_url}`)).text()).toContain('event: result\n');
    },
  );

  test('status shows queen, hive, worker, model and slots', async () => {
    const { stdout } = await swarm.rbee(['status']);
    for (const word of ['queen', 'localhost', 'worker-', 'tiny', 'ready']) expect(stdout).toContain(word);
    const expected = {
      hives: [{ hive_id: 'localhost', state: 'running' }],
      workers: [{ model: 'tiny', state: 'ready', slots: 4, slots_used: 0 }],
      models: [{ model: 'tiny', hive_id: 'localhost' }],
    };
    // The worker's word that its slot is free may be still on its way.
    await expect.poll(() => ask(swarm, 'status'), { interval: 100 }).toMatchObject(expected);
  });

  test('jobs, logs and trace show afterwards what happened', async () => {
    const { jobs } = await swarm.result<{ jobs: { job_id: string; correlation_id: string }[] }>(['jobs', '--operation', 'infer']);
    const [job] = jobs;
    const logs = await swarm.rbee(['logs', job?.job_id ?? '']);
    expect(logs.code, logs.stderr).toBe(0);
    expect(logs.stdout.length).toBeGreaterThan(20);
    for (const id of [job?.job_id ?? '', job?.correlation_id ?? '']) {
      const { code, stdout } = await swarm.rbee(['trace', id]);
      expect(code, stdout).toBe(0);
      for (const hop of ['queen', 'hive', 'worker']) expect(stdout).toContain(hop);
      expect(stdout.match(/job-[0-9a-f-]+/g)?.length).toBeGreaterThanOrEqual(3);
    }
  });

  test('an answer follows its JSON schema', async () => {
    const schema = JSON.stringify({ type: 'object', properties: { bees: { type: 'integer' } }, required: ['bees'] });
    const { stdout, stderr } = await swarm.rbee(['infer', 'How many?', '-q', '--temperature', '0', '--json-schema', schema]);
    expect(typeof (JSON.parse(stdout) as { bees: number }).bees, stderr).toBe('number');
  });

  test('a model is found by its path, relative to the current folder', async () => {
    const { code, stdout, stderr } = await swarm.rbee([...QUESTION, '-q', '--model', 'models/rbee-tiny-Q8_0.gguf']);
    expect([code, stdout], stderr).toEqual([0, `${ANSWER}\n`]);
  });

  test('the cached start of a long prompt is not computed again', async () => {
    const usageOf = async (ending: string) =>
      (await ask(swarm, 'infer', { prompt: `${'The bee flies. '.repeat(20)}${ending}`, temperature: 0 })).usage;
    await usageOf('What does it do?');
    const { cached_tokens, prompt_tokens } = await usageOf('What is it?');
    expect(cached_tokens).toBeGreaterThan(60);
    expect(cached_tokens).toBeLessThan(prompt_tokens);
  });
});
