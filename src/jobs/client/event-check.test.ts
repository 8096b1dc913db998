import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { EventKind } from '../../contract/index.ts';
import { isLegalEvent } from './event-check.ts';

const hive = { role: 'hive' } as const;
const step = {
  actor: 'rbee-hive',
  action: 'a',
  human: 'b',
  job_id: 'job-1',
  correlation_id: 'c',
  at: '2026-11-21T08:00:00.000Z',
};

describe('an event of a peer', () => {
  test.each<[EventKind, unknown]>([
    ['token', { text: '' }],
    ['token', { text: 'a "quoted" \\ text,\n in [two] lines' }],
    ['token', { text: 'x'.repeat(100_000) }],
    ['narration', step],
    ['narration', { ...step, detail: true }],
    ['progress', { action: 'download', done: 1, total: null, unit: 'bytes', rate: null, eta_s: null }],
    ['result', { workers: [] }],
    ['failed', { code: 'no_room', message: 'm', origin: 'rbee-hive', retryable: true }],
    ['cancelled', { reason: 'enough' }],
  ])('is legal: %s %.60j', (kind, data) => {
    expect(isLegalEvent(hive, { kind, json: JSON.stringify(data) })).toBe(true);
  });

  test.each<[EventKind, string]>([
    ['token', '{not json}'],
    ['token', '{"text":"a"} {"text":"b"}'],
    ['token', '{"text":"a\rb"}'],
    ['token', '{"text":\n"a"}'],
    ['token', '{"text":"\\u12"}'],
    ['token', '{"text":7}'],
    ['token', '{"text":"a","text":7}'],
    ['token', '{"__proto__":{"text":"a"}}'],
    ['token', '{}'],
    ['token', 'null'],
    ['token', '["text"]'],
    ['token', JSON.stringify({ text: 'x'.repeat(300_000) })],
    ['token', `{"text":"a","more":${'['.repeat(1_000)}${']'.repeat(1_000)}}`],
    ['narration', JSON.stringify({ ...step, human: undefined })],
    ['narration', JSON.stringify({ ...step, actor: 'mallory' })],
    ['narration', JSON.stringify({ ...step, at: 'soon' })],
    ['narration', JSON.stringify({ ...step, job_id: 'j'.repeat(1_000_000) })],
    ['progress', '{"action":"a","done":1e999,"total":null,"unit":"bytes","rate":null,"eta_s":null}'],
    ['result', `{"models":[${'{},'.repeat(300_000)}{}]}`],
    ['result', '{"workers":[}'],
    ['failed', '{"code":"no_room"}'],
    ['cancelled', '{"reason":{}}'],
  ])('is not: %s %.60s', (kind, json) => {
    expect(isLegalEvent(hive, { kind, json })).toBe(false);
  });

  test('a token is judged the same by the short way as by parsing it', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.string({ unit: fc.constantFrom('"', '\\', 'u', '0', '\n', '}', ' ') }),
    );
    fc.assert(
      fc.property(text, (inside) => {
        const json = `{"text":"${inside}"}`;
        let isToken = false;
        try {
          isToken = typeof (JSON.parse(json) as { text?: unknown }).text === 'string';
        } catch {
          // It is none.
        }
        expect(isLegalEvent(hive, { kind: 'token', json })).toBe(isToken);
      }),
      { numRuns: 2_000 },
    );
  });

  test('a result may be as large as the role that sends it has anything to tell of', () => {
    const json = JSON.stringify({ text: 'x'.repeat(20_000_000) });
    expect(isLegalEvent(hive, { kind: 'result', json })).toBe(false);
    expect(isLegalEvent({ role: 'queen' }, { kind: 'result', json })).toBe(true);
  });
});
