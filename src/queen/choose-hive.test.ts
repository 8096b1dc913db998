import { describe, expect, test } from 'vitest';
import type { Worker } from '../contract/index.ts';
import { chooseHive, type Fleet } from './choose-hive.ts';

const heartbeat = (hive_id: string, overrides: Partial<Worker> = {}): Worker => ({
  worker_id: `worker-of-${hive_id}`,
  hive_id,
  model: 'tiny',
  worker: 'cpu',
  device: 0,
  state: 'ready',
  port: 9001,
  slots: 4,
  slots_used: 0,
  started_at: '2026-01-01T00:00:00.000Z',
  ...overrides,
});

const fleet = (hiveIds: string[], workers: Worker[] = []): Fleet => ({ hiveIds, workers });

describe('which hive serves a request', () => {
  test.each<[string, Parameters<typeof chooseHive>[0], Fleet, string]>([
    ['the one it names, known or not', { hive_id: 'attic', model: 'tiny' }, fleet(['localhost']), 'attic'],
    [
      'the one whose worker it names',
      { worker_id: 'worker-of-attic', model: 'tiny' },
      fleet(['localhost', 'attic'], [heartbeat('attic')]),
      'attic',
    ],
    ['the one with the model loaded', { model: 'tiny' }, fleet(['localhost', 'attic'], [heartbeat('attic')]), 'attic'],
    ['not one with another model loaded', { model: 'qwen' }, fleet(['localhost', 'attic'], [heartbeat('attic')]), 'localhost'],
    [
      'not one that still loads it',
      { model: 'tiny' },
      fleet(['localhost', 'attic'], [heartbeat('attic', { state: 'loading' })]),
      'localhost',
    ],
    [
      'the one with more free slots',
      { model: 'tiny' },
      fleet(['a', 'b'], [heartbeat('a', { slots_used: 3 }), heartbeat('b')]),
      'b',
    ],
    ['not one that was forgotten', { model: 'tiny' }, fleet(['localhost'], [heartbeat('attic')]), 'localhost'],
    ['the local one otherwise', { model: 'tiny' }, fleet(['attic', 'localhost']), 'localhost'],
    ['any if there is no local one', { model: 'tiny' }, fleet(['attic']), 'attic'],
  ])('%s', (_name, request, known, chosen) => {
    expect(chooseHive(request, known)).toBe(chosen);
  });

  test('no hive at all is said so', () => {
    expect(() => chooseHive({ model: 'tiny' }, fleet([]))).toThrow('No hive is registered');
    expect(chooseHive({ model: 'tiny', worker_id: 'worker-x' }, fleet(['a']))).toBe('a');
    expect(() => chooseHive({ model: 'tiny', worker_id: 'worker-x' }, fleet(['a', 'b']))).toThrow("Worker 'worker-x' not found");
  });
});
