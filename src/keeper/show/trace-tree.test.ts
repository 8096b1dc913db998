import { expect, test } from 'vitest';
import type { JobRecord } from '../../contract/index.ts';
import { plainLook } from './look.ts';
import { bar, traceText } from './trace-tree.ts';

const zero = Date.parse('2026-11-21T08:00:00.000Z');
const iso = (ms: number) => new Date(zero + ms).toISOString();
const span = { lengthMs: 400, cells: 40 };

function job(actor: JobRecord['actor'], times: { from: number; started?: number; token?: number; to?: number }): JobRecord {
  const { from, started = from, token, to } = times;
  return {
    job_id: `job-${actor}`,
    operation: 'infer',
    state: to === undefined ? 'running' : 'completed',
    actor,
    correlation_id: 'abc',
    created_at: iso(from),
    started_at: iso(started),
    ...(token === undefined ? {} : { first_token_at: iso(token) }),
    ...(to === undefined ? {} : { ended_at: iso(to) }),
    downstream: [],
  };
}

const times = (fromMs: number, toMs: number, more: { startedMs?: number; firstTokenMs?: number } = {}) => ({
  ...{ fromMs, startedMs: fromMs, firstTokenMs: undefined, toMs },
  ...more,
});

test('the bar of a job starts and ends with it, shows its wait lighter and marks the first token', () => {
  expect(bar(times(0, 400), span)).toBe('█'.repeat(40));
  expect(bar(times(100, 400, { startedMs: 200, firstTokenMs: 300 }), span)).toBe(
    `${' '.repeat(10)}${'░'.repeat(10)}${'█'.repeat(10)}●${'█'.repeat(9)}`,
  );
});

test('a very short job has one cell, and no bar is wider than the picture', () => {
  expect(bar(times(200, 200), span).trim()).toBe('█');
  expect(bar(times(200, 300), span)).toBe(`${' '.repeat(20)}${'█'.repeat(10)}`);
  expect(bar(times(0, 90_000), span)).toHaveLength(40);
});

test.each([
  ['an hour behind', -3_600_000],
  ['a second behind', -1_000],
  ['a day ahead', 86_400_000],
])(
  'the bar of a hive whose clock is %s starts when the queen sent the request, and lasts as long as the hive reports',
  (_, offMs) => {
    const shifted = (each: JobRecord): JobRecord => {
      const shift = (at: string) => new Date(Date.parse(at) + offMs).toISOString();
      const { created_at, started_at = '', first_token_at = '', ended_at = '' } = each;
      return {
        ...each,
        ...{ created_at: shift(created_at), started_at: shift(started_at) },
        ...{ first_token_at: shift(first_token_at), ended_at: shift(ended_at) },
      };
    };
    const hive = shifted(job('rbee-hive', { from: 7, token: 16, to: 395 }));
    const root = {
      job: job('queen-rbee', { from: 0, token: 16, to: 400 }),
      downstream: [
        { role: 'hive' as const, name: 'attic', job_id: 'job-hive', driven_at: iso(5), trace: { job: hive, downstream: [] } },
      ],
    };
    const lines = traceText(root, plainLook).split('\n');
    expect(lines.find((line) => line.includes('rbee-hive attic'))).toMatch(/ 5 ms +388 ms /);
    expect(lines.at(-1)).toBe('● first token after 16 ms');
  },
);

test('a running job has lasted as long as its own role reports', () => {
  const root = { job: { ...job('queen-rbee', { from: 0 }), age_ms: 250 }, downstream: [] };
  expect(traceText(root, plainLook)).toMatch(/queen-rbee +running +0 ms +250 ms/);
});

const worker = { job: job('llm-worker-rbee', { from: 10, token: 100, to: 390 }), downstream: [] };
const request = (message: string): Parameters<typeof traceText>[0] => ({
  job: job('queen-rbee', { from: 0, to: 400 }),
  downstream: [
    {
      role: 'hive',
      name: 'localhost',
      job_id: 'job-hive',
      driven_at: iso(5),
      trace: {
        job: job('rbee-hive', { from: 5, to: 395 }),
        downstream: [{ role: 'worker', name: 'worker-1', job_id: 'job-worker', driven_at: iso(10), trace: worker }],
      },
    },
    { role: 'hive', name: 'attic', job_id: 'job-gone', error: { code: 'hive_unreachable', message } },
  ],
});

test('a trace is a tree of hops, with the first token and the reason for a missing hop', () => {
  const text = traceText(request('no answer'), plainLook);
  const lines = text.split('\n');
  expect(lines[0]).toContain('correlation abc');
  expect(lines.slice(3, 7).map((line) => line.split('  ')[0] || line.trim().split('  ')[0])).toEqual([
    'queen-rbee',
    '└ rbee-hive localhost',
    '└ llm-worker-rbee worker-1',
    '└ hive attic',
  ]);
  expect(text).toContain('hive_unreachable');
  expect(lines.at(-1)).toBe('● first token after 100 ms');
});

test('on a narrow screen, the picture of a trace shrinks and the reason for a missing hop stays in full', () => {
  const message = "Nothing is installed for hive 'attic' yet. Install it: rbee hive install attic";
  const lines = traceText(request(message), { ...plainLook, columns: 76 }).split('\n');
  const at = lines.findIndex((line) => line.includes('└ hive attic'));
  expect(
    lines
      .slice(at + 1, at + 3)
      .map((line) => line.trim())
      .join(' '),
  ).toBe(`hive_unreachable: ${message}`);
  expect(lines.slice(2, at + 1).map((line) => line.length)).toSatisfy((all: number[]) => Math.max(...all) <= 76);
  expect(lines[2]).toMatch(/^HOP .* TOOK {2}0 ─+ 400 ms$/);
  expect(lines[2]).not.toContain('JOB');
});
