import { describe, expect, test } from 'vitest';
import {
  deferred,
  JobError,
  WORKER_KILLED,
  type Handlers,
  type InputOf,
  type JobContext,
  type JobEvent,
  type Run,
} from '../../contract/index.ts';
import { context as jobContext } from '../../jobs/fixtures/test-jobs.ts';
import { startTestDaemon, type TestDaemon } from '../../jobs/fixtures/test-daemon.ts';
import { openMemoryCatalog, runOn } from '../../jobs/index.ts';
import { speaking, spoken } from '../../narration/index.ts';
import { forwardToWorker } from './forward-to-worker.ts';
import type { InferParts } from './reserve.ts';
import { Gates } from '../hives/gates.ts';
import { HiveCatalog } from '../hives/hive-catalog.ts';
import { cpu, cuda, fleet, hive, model, worker } from '../placement/fixtures/fleet.ts';
import type { HiveView } from '../placement/fleet.ts';
import { Dispatcher, FleetIndex } from '../placement/index.ts';
import type { FleetView } from '../presence/index.ts';
import type { Reach } from '../hives/reach.ts';

const asked = { model: 'bee', prompt: 'hello', temperature: 0, stream: true, continue_elsewhere: false };
const timings = { queue_ms: 0, prefill_ms: 0, first_token_ms: 0, tokens_per_s: 1 };
const usage = { prompt_tokens: 1, cached_tokens: 0, completion_tokens: 1 };

function answered(by: string) {
  return { text: 'hi', finish_reason: 'stop' as const, model: 'bee', worker_id: by, seed: 1, usage, timings };
}

/** A queen's way of an infer request, to real hives that the test made. */
function queenOf(daemons: Record<string, TestDaemon>, views: HiveView[]) {
  const hives = new HiveCatalog(openMemoryCatalog(), 9000, () => undefined);
  for (const id of Object.keys(daemons))
    hives.add({ hive_id: id, transport: 'http', host: '127.0.0.1', port: 1, created_at: '2026-11-21T08:00:00.000Z' });
  const index = FleetIndex.of(fleet(...views));
  const dispatcher = new Dispatcher({ fleet: index, wake: async () => undefined });
  const reach: Pick<Reach, 'ensure' | 'peerOf' | 'markStale'> = {
    ensure: async () => undefined,
    markStale: () => undefined,
    peerOf: ({ hive_id }) => {
      const daemon = daemons[hive_id];
      if (daemon === undefined) throw new JobError('hive_not_found', hive_id);
      return daemon.peer;
    },
  };
  // Each tells of its machine all the time.
  const watch = {
    state: { kind: 'up' },
    report: undefined,
    reportedSince: async () => true,
    downFor: () => new Promise(() => undefined),
  };
  const view = { isStarting: false, watch: () => watch, downWithin: () => [] } as unknown as FleetView;
  const parts: InferParts = { hives, reach: reach as Reach, view, gates: new Gates(), dispatcher };
  const infer = async (input: Partial<InputOf<'infer'>> = {}, own: Partial<JobContext> = {}) => {
    let kills = 0;
    const counting = { kills: () => kills, killedWorker: () => void (kills += 1) };
    const run = spoken('queen-rbee', forwardToWorker('infer', parts))(
      { ...asked, ...input },
      jobContext({ ...counting, ...own }),
    );
    for (;;) {
      const step = await run.next();
      if (step.done) return step.value;
    }
  };
  return { ...parts, infer };
}

/** What a hive says when a worker ended while it computed the request. */
const killed = (id: string): JobEvent => ({
  kind: 'narration',
  data: {
    ...{ actor: 'rbee-hive', action: WORKER_KILLED, human: `worker ${id} ended while it computed the request` },
    ...{ job_id: 'job-2', correlation_id: 'c', at: '2026-11-21T08:00:00.000Z' },
  },
});

const handlers = (infer: Run<'infer'>, more: Handlers = {}): Handlers => ({ infer, ...more });

describe('a request whose place failed', () => {
  test('is a new job for a hive that already had it', async () => {
    let times = 0;
    await using attic = await startTestDaemon({
      handlers: handlers(async function* ({ worker_id = '' }) {
        times += 1;
        if (times === 1) throw new JobError('worker_died', 'Worker died');
        return answered(worker_id);
      }),
    });
    const { infer } = queenOf({ attic }, [
      hive('attic', { devices: [cpu(60)], workers: [worker('w1', 'bee'), worker('w2', 'bee')] }),
    ]);
    await expect(infer()).resolves.toMatchObject({ text: 'hi' });
    expect(times).toBe(2);
  });

  test('is not given to a third worker after two exited while they computed it, the second one with no other request', async () => {
    const kills: string[] = [];
    await using attic = await startTestDaemon({
      handlers: handlers(async function* ({ worker_id = '' }, context) {
        kills.push(`${worker_id} after ${context.kills()}`);
        yield killed(worker_id);
        throw new JobError('worker_died', `Worker '${worker_id}' was ended by SIGSEGV`);
      }),
    });
    const workers = ['w1', 'w2', 'w3'].map((id) => worker(id, 'bee'));
    const { infer } = queenOf({ attic }, [hive('attic', { devices: [cpu(60)], workers })]);
    await expect(infer()).rejects.toMatchObject({ code: 'request_killed_worker', retryable: false });
    expect(kills.map((each) => each.slice(3))).toEqual(['after 0', 'after 1']);
  });

  test('is tried again without a limit of tries where it had only waited', async () => {
    let times = 0;
    await using attic = await startTestDaemon({
      handlers: handlers(async function* ({ worker_id = '' }) {
        times += 1;
        if (times <= 6) throw new JobError('worker_died', 'Worker ended while it was loading');
        return answered(worker_id);
      }),
    });
    const { infer } = queenOf({ attic }, [hive('attic', { devices: [cpu(60)], workers: [worker('w1', 'bee')] })]);
    await expect(infer()).resolves.toMatchObject({ text: 'hi' });
    expect(times).toBe(7);
  });

  test('is not moved where no other place exists, and its failure is reported once', async () => {
    const said: string[] = [];
    await using attic = await startTestDaemon({
      handlers: handlers(async function* () {
        throw new JobError('model_corrupt', 'bee.gguf is no model');
      }),
    });
    const { infer } = queenOf({ attic }, [hive('attic', { devices: [cpu(60)], models: [model('bee', 6)] })]);
    const run = infer({}, { emit: (event) => void (event.kind === 'narration' && said.push(event.data.human)) });
    await expect(run).rejects.toMatchObject({ code: 'model_corrupt', message: 'bee.gguf is no model' });
    expect(said.filter((sentence) => /no model|another/.test(sentence))).toEqual([]);
  });

  test('has its model downloaded first, by a separate job', async () => {
    const done: string[] = [];
    const bee = model('bee', 6, { source: 'https://example.org/bee.gguf' });
    await using cellar = await startTestDaemon({
      handlers: handlers(
        async function* () {
          done.push('infer');
          return answered('w1');
        },
        {
          model_download: async function* () {
            done.push('model_download');
            return bee;
          },
        },
      ),
    });
    const views = [hive('attic', { devices: [cpu(1)], models: [bee] }), hive('cellar', { devices: [cpu(60)] })];
    const { infer } = queenOf({ attic: cellar, cellar }, views);
    await expect(infer()).resolves.toMatchObject({ text: 'hi' });
    expect(done).toEqual(['model_download', 'infer']);
  });

  test('keeps its prompt while its model is downloaded, also when it had waited on disk before', async () => {
    const prompts: unknown[] = [];
    const bee = model('bee', 6, { source: 'https://example.org/bee.gguf' });
    await using cellar = await startTestDaemon({
      handlers: handlers(
        async function* ({ prompt }) {
          prompts.push(prompt);
          return answered('w1');
        },
        {
          model_download: async function* () {
            return bee;
          },
        },
      ),
    });
    const views = [hive('attic', { devices: [cpu(1)], models: [bee] }), hive('cellar', { devices: [cpu(60)] })];
    const { infer: _, ...parts } = queenOf({ attic: cellar, cellar }, views);
    // Until it has the reports of its hives, a queen keeps requests on disk.
    Object.assign(parts.view, { isStarting: true, started: async () => undefined });
    await using queen = await startTestDaemon({
      role: 'queen',
      handlers: speaking('queen-rbee', { infer: forwardToWorker('infer', parts) }),
    });
    const run = runOn(queen.peer, 'infer')(asked, jobContext());
    await expect(run.next()).resolves.toMatchObject({ done: true, value: { text: 'hi' } });
    expect(prompts).toEqual(['hello']);
  });

  test('is tried again where memory seemed free, and then goes to another hive', async () => {
    const tried: string[] = [];
    const bee = model('bee', 6);
    const hiveOf = (id: string, times: number) =>
      startTestDaemon({
        handlers: handlers(async function* () {
          tried.push(id);
          if (tried.length <= times) throw new JobError('no_room', 'bee needs about 6.0 GB more');
          return answered('w1');
        }),
      });
    await using attic = await hiveOf('attic', Infinity);
    await using cellar = await hiveOf('cellar', 0);
    const views = [
      hive('attic', { devices: [cuda(0, 20)], models: [bee] }),
      hive('cellar', { devices: [cpu(60)], models: [bee] }),
    ];
    await expect(queenOf({ attic, cellar }, views).infer()).resolves.toMatchObject({ text: 'hi' });
    expect(tried).toEqual(['attic', 'attic', 'cellar']);
  });

  test('goes to another hive where its own has no memory for one more large request', async () => {
    const busy = new JobError('too_many_jobs', 'The requests that have not ended have 64 MB together, and may have 64 MB');
    await using attic = await startTestDaemon({
      handlers: handlers(async function* () {
        throw busy;
      }),
    });
    await using cellar = await startTestDaemon({
      handlers: handlers(async function* ({ worker_id = '' }) {
        return answered(worker_id);
      }),
    });
    const attics = hive('attic', { devices: [cpu(60)], workers: [worker('w1', 'bee')] });
    const cellars = hive('cellar', { devices: [cpu(60)], workers: [worker('w2', 'bee', { slots_used: 1 })] });
    await expect(queenOf({ attic, cellar }, [attics, cellars]).infer()).resolves.toMatchObject({ worker_id: 'w2' });
    await expect(queenOf({ attic }, [attics]).infer()).rejects.toMatchObject({ code: 'too_many_jobs' });
  });

  test('is tried again also where it names the hive', async () => {
    let times = 0;
    await using attic = await startTestDaemon({
      handlers: handlers(async function* () {
        times += 1;
        if (times === 1) throw new JobError('no_room', 'bee needs about 6.0 GB more');
        return answered('w1');
      }),
    });
    const { infer } = queenOf({ attic }, [hive('attic', { devices: [cpu(60)], models: [model('bee', 6)] })]);
    await expect(infer({ hive_id: 'attic' })).resolves.toMatchObject({ text: 'hi' });
  });

  test('goes to the hive that was being updated, after the update', async () => {
    let open: () => void = () => undefined;
    await using attic = await startTestDaemon({
      handlers: handlers(async function* () {
        return answered('w1');
      }),
    });
    await using cellar = await startTestDaemon({
      handlers: handlers(async function* () {
        open();
        throw new JobError('shutting_down', 'The hive is shutting down');
      }),
    });
    const views = [
      hive('attic', { devices: [cpu(60)], workers: [worker('w1', 'bee')] }),
      hive('cellar', { devices: [cpu(60)], workers: [worker('w2', 'bee', { slots: 1 })] }),
    ];
    const { infer, gates } = queenOf({ attic, cellar }, views);
    open = gates.close('attic', 'is being updated');
    await expect(infer()).resolves.toMatchObject({ worker_id: 'w1' });
  });

  test('does not wait for the update of a hive that cannot serve it', async () => {
    const { infer, gates } = queenOf({}, [hive('attic', { devices: [cpu(60)] }), hive('cellar', { devices: [cpu(60)] })]);
    gates.close('cellar', 'is being updated');
    await expect(infer({ hive_id: 'attic' })).rejects.toMatchObject({ code: 'model_not_found' });
    await expect(infer({ device: 'toaster' })).rejects.toMatchObject({ code: 'invalid_input' });
  });
});

test('a request for the path of a file is kept on disk while its hive is started, as any other that waits', async () => {
  await using attic = await startTestDaemon({ handlers: {} });
  const { infer, reach } = queenOf({ attic }, [hive('attic', { devices: [cpu(60)] })]);
  const isParked = deferred();
  const outlines: object[] = [];
  reach.ensure = async () => {
    await isParked.promise;
    throw new JobError('daemon_start_failed', 'enough');
  };
  const keepUntilForwarded = (_input: object, outline: object) => {
    outlines.push(outline);
    isParked.resolve();
    return true;
  };
  const run = infer({ model: '/models/bee.gguf', hive_id: 'attic' }, { keepUntilForwarded });
  await expect(run).rejects.toMatchObject({ code: 'daemon_start_failed' });
  expect(outlines).toMatchObject([{ model: '/models/bee.gguf', hive_id: 'attic' }]);
});
