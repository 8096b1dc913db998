import { expect, test } from 'vitest';
import { WORKERS_LIMIT } from '../../contract/index.ts';
import { worker } from '../placement/fixtures/fleet.ts';
import { REPORTED_LIMIT_CHARS, ReportedState } from './reported-state.ts';

const numbered = (number: number) => worker(`w${number}`, 'bee');

test('a hive may report up to 1000 workers, each as often as it likes', () => {
  const state = new ReportedState();
  for (let times = 0; times < 3; times += 1)
    for (let number = 0; number < WORKERS_LIMIT; number += 1) state.setWorker(numbered(number), 1_000);
  expect([...state.workers()]).toHaveLength(WORKERS_LIMIT);
  expect(() => state.setWorker(numbered(WORKERS_LIMIT), 1)).toThrow(/more than 1000 workers/);
});

test('all that a hive reports together has a limit, and workers that are gone do not count', () => {
  const state = new ReportedState();
  const most = REPORTED_LIMIT_CHARS;
  state.setWorker(numbered(1), most);
  state.setWorker(numbered(1), most);
  state.forgetWorker('w1');
  state.forgetWorker('unknown');
  state.setWorker(numbered(2), most);
  state.forgetWorkers();
  state.setWorker(numbered(3), most);
  expect(() => state.setWorker(numbered(4), 1)).toThrow(/characters of state/);
});
