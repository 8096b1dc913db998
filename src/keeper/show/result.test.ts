import { describe, expect, test } from 'vitest';
import type { JobRecord, Model, OutputOf, Worker } from '../../contract/index.ts';
import { jobTable } from './jobs.ts';
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

test('every operation that returns a worker shows it alike', () => {
  expect(text('worker_restart', worker)).toBe(text('worker_get', worker));
  expect(text('worker_get', worker)).toContain('1 of 4 in use');
});

test('a list of workers is a table', () => {
  expect(text('worker_list', { workers: [worker] }).split('\n')).toEqual([
    'WORKER           HIVE       MODEL  DEVICE  STATE  SLOTS',
    'worker-1a2b3c4d  localhost  tiny   cpu:0   ready    1/4',
  ]);
});

test('unfinished downloads are listed below the models, with the commands for them', () => {
  const unfinished = [{ model: 'qwen3-8b', size_bytes: 3_200_000_000 }];
  const shown = text('model_list', { models: [model], unfinished });
  expect(shown).toContain(text('model_list', { models: [model] }));
  expect(shown.split('\n').slice(-2)).toEqual([
    'Unfinished downloads (the same rbee model download resumes, rbee model delete <model> deletes):',
    '  qwen3-8b, 3.2 GB so far',
  ]);
});

test('an exited worker is in a table of its own with its last output, and does not widen the other one', () => {
  const last = { tokens_per_s: 0, memory_bytes: 210_000_000 };
  const exited = { ...worker, worker_id: 'worker-2', state: 'exited', ...last, last_words: 'loading\nno more memory\n' };
  expect(text('worker_list', { workers: [{ ...worker, ...last }, exited] }).split('\n')).toEqual([
    'WORKER           HIVE       MODEL  DEVICE  STATE  SLOTS  MEMORY',
    'worker-1a2b3c4d  localhost  tiny   cpu:0   ready    1/4  210 MB',
    '',
    'EXITED    HIVE       MODEL  DEVICE  LAST OUTPUT',
    'worker-2  localhost  tiny   cpu:0   no more memory',
  ]);
  expect(text('worker_list', { workers: [exited] })).toMatch(/^No workers\. Start one: .*\n\nEXITED/);
});

test('a worker shows whether it is pinned and how long it has been idle; a busy one shows no idle time', () => {
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
  expect(text('worker_get', { ...worker, tool_form: 'parameters' })).toMatch(/^calls +tools with arguments one by one$/m);
  expect(text('worker_get', { ...worker, need_bytes: 20_000_000 })).toContain('needs    about 20.0 MB');
});

test('a model shows what its header says of it', () => {
  const details = {
    ...{ architecture: 'qwen3', parameters: 7_615_616_512, quantization: 'Q4_K_M', context_length: 32_768 },
    ...{ embedding_length: 3584, license: 'apache-2.0', capabilities: ['completion', 'tools'] },
    sampling: { temperature: 0.6, top_k: 20 },
  };
  const shown = text('model_get', { ...model, details });
  expect(shown).toMatch(/^kind +qwen3, 7\.6B parameters, Q4_K_M$/m);
  expect(shown).toMatch(/^can +completion, tools$/m);
  expect(shown).toMatch(/^context +32,768 tokens in training$/m);
  expect(shown).toMatch(/^sampling +temperature 0\.6, top_k 20$/m);
  expect(text('model_get', model)).not.toMatch(/^(?:kind|can|license)/m);
});

test('a model shows its memory need, where that is known', () => {
  const memory = {
    weights_bytes: 8_500_000_000,
    kv_bytes_per_token: 131_072,
    compute_bytes: 149_000_000,
    gpu_compute_bytes: 330_000_000,
    context_length: 8192,
  };
  const line = 'memory  8.5 GB of weights, 131 MB of KV cache for 1,000 tokens, 149 MB of compute buffers';
  expect(text('model_get', { ...model, memory })).toContain(line);
  expect(text('model_get', model)).not.toContain('memory');
});

test.each([
  ['worker_list', 'workers', 'No workers. Start one: rbee worker spawn --model tiny'],
  ['model_list', 'models', 'No models. Fetch one: rbee model download <org/repo>'],
  ['hive_list', 'hives', 'No hives. Set one up: rbee hive install'],
])('an empty %s names the command that fills it', (operation, name, words) => {
  expect(text(operation, { [name]: [] })).toBe(words);
});

test.each([
  ['worker_delete', { worker_id: 'worker-1a2b3c4d' }, 'worker-1a2b3c4d deleted'],
  ['model_delete', { model: 'qwen3' }, 'model qwen3 deleted'],
])('the output of %s is a sentence', (operation, value, sentence) => {
  expect(text(operation, value)).toBe(sentence);
});

test.each([
  ['hive_uninstall', { catalog_only: false }, 'hive attic uninstalled'],
  ['hive_uninstall', { catalog_only: true }, 'hive attic deleted; its machine is left as it is'],
  ['hive_delete', { transport: 'local' }, "hive attic deleted; 'rbee hive install' brings it back"],
  ['hive_delete', { transport: 'http' }, 'hive attic deleted; if it is running, it keeps running'],
  [
    'hive_delete',
    { transport: 'ssh', ssh: { host: '192.0.2.7', user: 'me' } },
    'rbee hive install attic --ssh-host 192.0.2.7 --ssh-user me && rbee hive uninstall attic',
  ],
  ['hive_delete', { transport: 'ssh', ssh: { host: 'attic' } }, 'rbee hive install attic && rbee hive uninstall attic'],
])('%s names what remains of the hive: %j', (operation, rest, words) => {
  expect(text(operation, { hive_id: 'attic', ...rest })).toContain(words);
});

test('on a narrow screen, the error of a job is below its row', () => {
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

test('the health of a hive is one line', () => {
  const health = { hive_id: 'attic', state: 'running', version: '0.1.0', pid: 7, uptime_s: 200 };
  expect(text('hive_status', health)).toBe('hive attic is running · rbee 0.1.0 · pid 7 · up 3 min 20 s');
});

test('the output of an operation without a renderer is a list of its fields', () => {
  expect(text('fleet_weigh', { total_grams: 12, heavy: false, parts: ['a', 'b'] })).toBe(
    ['total grams  12', 'heavy        no', 'parts        a, b'].join('\n'),
  );
});

describe('the output of status', () => {
  const status: OutputOf<'status'> = {
    queen: { version: '0.1.0', uptime_s: 3, port: 8500, pid: 42 },
    hives: [{ hive_id: 'localhost', state: 'stopped', reason: 'it is asleep', host: '127.0.0.1', port: 9000 }],
    workers: [{ ...worker, tokens_per_s: 120.4, memory_bytes: 210_000_000 }],
    models: [{ ...model, hive_id: 'localhost' }],
  };

  test('status shows the queen, the hives, the workers with their slots, and the models', () => {
    expect(text('status', status)).toBe(
      [
        'queen is awake · rbee 0.1.0 · port 8500 · pid 42 · up 3 s',
        '',
        'HIVE       STATE    ADDRESS         WHY',
        'localhost  stopped  127.0.0.1:9000  it is asleep',
        '',
        'WORKER           HIVE       MODEL  DEVICE  STATE  SLOTS  TOK/S  MEMORY',
        'worker-1a2b3c4d  localhost  tiny   cpu:0   ready    1/4    120  210 MB',
        '',
        'MODEL  HIVE         SIZE  SOURCE   FILE',
        'tiny   localhost  1.9 MB  builtin  /m/tiny.gguf',
      ].join('\n'),
    );
  });

  test('status shows in full why a hive does not run, however narrow the screen is', () => {
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
    'on %i columns, no line of status is wider than the screen, and workers and models remain distinguishable',
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

  test('status counts exited workers and names the command that shows why', () => {
    const exited = { ...worker, state: 'exited' as const, last_words: 'no memory' };
    const workers = [exited, { ...exited, hive_id: 'attic' }];
    const lines = text('status', { ...status, workers, models: [] }).split('\n');
    expect(lines.slice(-3)).toEqual([
      'No workers. Start one: rbee worker spawn --model tiny',
      '',
      '2 workers exited: rbee worker list, rbee worker list --hive attic',
    ]);
  });

  test('status suggests a worker only where there is a hive to run it', () => {
    const empty = { ...status, workers: [], models: [] };
    expect(text('status', empty)).toContain('No workers. Start one: rbee worker spawn --model tiny');
    const lines = text('status', { ...empty, hives: [] }).split('\n');
    expect(lines.slice(1)).toEqual(['', 'No hives. Set one up: rbee hive install']);
  });
});
