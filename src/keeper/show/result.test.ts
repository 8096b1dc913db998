import { describe, expect, test } from 'vitest';
import type { JobRecord, Model, OutputOf, Worker } from '../../contract/index.ts';
import { jobTable } from './entities.ts';
import { plainLook } from './look.ts';
import { resultText } from './result.ts';

const at = '2026-11-21T08:00:00.000Z';
const worker: Worker = {
  worker_id: 'worker-1a2b3c4d',
  hive_id: 'localhost',
  model: 'tiny',
  worker: 'cpu',
  device: 0,
  state: 'ready',
  port: 9001,
  slots: 4,
  slots_used: 1,
  started_at: at,
};
const model: Model = { model: 'tiny', path: '/m/tiny.gguf', size_bytes: 1_898_272, source: 'builtin', created_at: at };

const text = (operation: string, value: unknown) => resultText({ operation }, value, plainLook);

test('a worker looks the same whichever operation returns it', () => {
  expect(text('worker_restart', worker)).toBe(text('worker_get', worker));
  expect(text('worker_get', worker)).toContain('1 of 4 in use');
});

test('a list of workers is a table', () => {
  expect(text('worker_list', { workers: [worker] }).split('\n')).toEqual([
    'WORKER           HIVE       MODEL  DEVICE  STATE  SLOTS',
    'worker-1a2b3c4d  localhost  tiny   cpu:0   ready    1/4',
  ]);
});

test('unfinished downloads are shown below the models, with what becomes of them', () => {
  const unfinished = [{ model: 'qwen3-8b', size_bytes: 3_200_000_000 }];
  const shown = text('model_list', { models: [model], unfinished });
  expect(shown).toContain(text('model_list', { models: [model] }));
  expect(shown.split('\n').slice(-2)).toEqual([
    'Unfinished downloads (the same rbee model download goes on, rbee model delete <model> deletes):',
    '  qwen3-8b, 3.2 GB so far',
  ]);
});

test('of a worker that has exited no slots and no rates are shown, and of an idle one no rate', () => {
  const last = { tokens_per_s: 0, memory_bytes: 210_000_000 };
  const exited = { ...worker, worker_id: 'worker-2', state: 'exited', ...last };
  expect(text('worker_list', { workers: [{ ...worker, ...last }, exited] }).split('\n')).toEqual([
    'WORKER           HIVE       MODEL  DEVICE  STATE   SLOTS  MEMORY',
    'worker-1a2b3c4d  localhost  tiny   cpu:0   ready     1/4  210 MB',
    'worker-2         localhost  tiny   cpu:0   exited',
  ]);
});

test('a worker that is pinned or idle says so; of one in use there is no such time', () => {
  const used = { ...worker, last_used_at: '2026-11-21T08:00:00.000Z', unused_s: 300 };
  const rows = [
    { ...used, slots_used: 0 },
    { ...used, worker_id: 'worker-2', pinned: true },
  ];
  expect(text('worker_list', { workers: rows }).split('\n')).toEqual([
    'WORKER           HIVE       MODEL  DEVICE  STATE  SLOTS  PINNED   IDLE',
    'worker-1a2b3c4d  localhost  tiny   cpu:0   ready    0/4          5 min',
    'worker-2         localhost  tiny   cpu:0   ready    1/4  yes',
  ]);
  expect(text('worker_get', rows[0])).toContain('idle for  5 min');
  expect(text('worker_get', { ...worker, need_bytes: 20_000_000 })).toContain('needs    about 20.0 MB');
});

test('of a model is shown what it takes in memory, where that is known', () => {
  const memory = {
    weights_bytes: 8_500_000_000,
    kv_bytes_per_token: 131_072,
    compute_bytes: 149_000_000,
    gpu_compute_bytes: 330_000_000,
    context_length: 8192,
  };
  const line = 'memory  8.5 GB of weights, 131 MB of KV cache for 1,000 tokens, 149 MB to compute in';
  expect(text('model_get', { ...model, memory })).toContain(line);
  expect(text('model_get', model)).not.toContain('memory');
});

test.each([
  ['workers', 'No workers. Start one: rbee worker spawn --model tiny'],
  ['models', 'No models. Fetch one: rbee model download <url>'],
  ['hives', 'No hives. Set one up: rbee hive install'],
  ['spoons', 'No spoons.'],
])('an empty list of %s says what to do next', (name, words) => {
  expect(text('some_list', { [name]: [] })).toBe(words);
});

test.each([
  ['worker_delete', { worker_id: 'worker-1a2b3c4d' }, 'worker-1a2b3c4d deleted'],
  ['model_delete', { model: 'qwen3' }, 'model qwen3 deleted'],
])('%s that returns only a name is told in a sentence', (operation, value, sentence) => {
  expect(text(operation, value)).toBe(sentence);
});

test.each([
  ['hive_uninstall', { catalog_only: false }, 'hive attic uninstalled'],
  ['hive_uninstall', { catalog_only: true }, 'hive attic forgotten; its machine is left as it is'],
  ['hive_delete', { transport: 'local' }, "hive attic deleted; 'rbee hive install' brings it back"],
  ['hive_delete', { transport: 'http' }, 'hive attic deleted; what runs there goes on'],
  [
    'hive_delete',
    { transport: 'ssh', ssh: { host: '192.0.2.7', user: 'me' } },
    'rbee hive install attic --ssh-host 192.0.2.7 --ssh-user me && rbee hive uninstall attic',
  ],
  ['hive_delete', { transport: 'ssh', ssh: { host: 'attic' } }, 'rbee hive install attic && rbee hive uninstall attic'],
])('%s says what is left of the hive: %j', (operation, rest, words) => {
  expect(text(operation, { hive_id: 'attic', ...rest })).toContain(words);
});

test('jobs fit a narrow screen: what a job failed with goes below it', () => {
  const ended = { created_at: at, started_at: at, ended_at: at, actor: 'queen-rbee' as const, downstream: [] };
  const ids = { job_id: `job-${'0'.repeat(36)}`, correlation_id: 'c'.repeat(32) };
  const error = { code: 'worker_start_failed', message: 'no', origin: 'rbee-hive' as const, retryable: false };
  const records: JobRecord[] = [
    { ...ended, ...ids, operation: 'worker_spawn', state: 'failed', error },
    { ...ended, ...ids, operation: 'infer', state: 'completed' },
  ];
  expect(jobTable(records, plainLook).split('\n')[1]).toMatch(/^job-0{36} {2}worker_spawn .* worker_start_failed {2}c{32}$/);
  const lines = jobTable(records, { ...plainLook, columns: 80 }).split('\n');
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80);
  expect(lines[2]).toBe('  worker_start_failed');
});

test("a hive's health is one line", () => {
  const health = { hive_id: 'attic', state: 'running', version: '0.1.0', pid: 7, uptime_s: 200 };
  expect(text('hive_status', health)).toBe('hive attic is running · rbee 0.1.0 · pid 7 · up 3 min 20 s');
});

test('what nobody foresaw is a list of its fields', () => {
  expect(text('fleet_weigh', { total_grams: 12, heavy: false, parts: ['a', 'b'] })).toBe(
    ['total grams  12', 'heavy        no', 'parts        a, b'].join('\n'),
  );
});

describe('status', () => {
  const status: OutputOf<'status'> = {
    queen: { version: '0.1.0', uptime_s: 3, port: 8500, pid: 42 },
    hives: [{ hive_id: 'localhost', state: 'stopped', reason: 'nobody needed it', host: '127.0.0.1', port: 9000 }],
    workers: [{ ...worker, tokens_per_s: 120.4, memory_bytes: 210_000_000 }],
    models: [{ ...model, hive_id: 'localhost' }],
  };

  test('has queen, hives, workers with their slots, and models', () => {
    expect(text('status', status)).toBe(
      [
        'queen is awake · rbee 0.1.0 · port 8500 · pid 42 · up 3 s',
        '',
        'HIVE       STATE    ADDRESS         WHY',
        'localhost  stopped  127.0.0.1:9000  nobody needed it',
        '',
        'WORKER           HIVE       MODEL  DEVICE  STATE  SLOTS  TOK/S  MEMORY',
        'worker-1a2b3c4d  localhost  tiny   cpu:0   ready    1/4    120  210 MB',
        '',
        'MODEL  HIVE         SIZE  SOURCE   FILE',
        'tiny   localhost  1.9 MB  builtin  /m/tiny.gguf',
      ].join('\n'),
    );
  });

  test('says in full why a hive does not run, however narrow the screen is', () => {
    const reason = "cannot be reached: Nothing is installed for hive 'localhost'. Install it: rbee hive install localhost";
    const hives = status.hives.map((each) => ({ ...each, reason }));
    const lines = resultText({ operation: 'status' }, { ...status, hives }, { ...plainLook, columns: 60 }).split('\n');
    expect(lines.slice(2, 4)).toEqual(['HIVE       STATE    ADDRESS', 'localhost  stopped  127.0.0.1:9000']);
    expect(
      lines
        .slice(4, 6)
        .map((line) => line.trim())
        .join(' '),
    ).toBe(reason);
  });

  test.each([40, 60, 80, 120])(
    'on %i columns no line is wider than the screen, and every worker and model can be told apart',
    (columns) => {
      const paths = ['one', 'two'].map((name) => `/tmp/tmp.Xk2/a-folder-with-a-long-name/models/qwen3-8b-Q4_K_M-${name}.gguf`);
      const used = { context: 8192, pinned: true, tokens_per_s: 120.4, memory_bytes: 210_000_000, last_words: 'no\nmore memory' };
      const hives = [{ ...status.hives[0], hive_id: 'h'.repeat(64) }];
      const workers = paths.map((path) => ({ ...worker, ...used, model: path, slots_used: 0, last_used_at: at }));
      const models = paths.map((path) => ({ ...model, model: path, path, source: path, hive_id: 'h'.repeat(64) }));
      const lines = resultText({ operation: 'status' }, { ...status, hives, workers, models }, { ...plainLook, columns }).split(
        '\n',
      );
      expect(lines.filter((line) => line.length > columns)).toEqual([]);
      for (const end of ['one.gguf', 'two.gguf'])
        expect(lines.filter((line) => line.includes(end)).length).toBeGreaterThanOrEqual(2);
    },
  );

  test('says what to do where there is nothing', () => {
    const lines = text('status', { ...status, hives: [], workers: [], models: [] });
    expect(lines).toContain('No hives. Set one up: rbee hive install');
    expect(lines).toContain('No workers. Start one: rbee worker spawn --model tiny');
  });
});
