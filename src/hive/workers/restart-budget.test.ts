import { expect, test } from 'vitest';
import { RESTART_WINDOW_MS, RestartBudget, RESTARTS } from './restart-budget.ts';

test('each worker has its own number of restarts within the window, and the full number again after it', () => {
  const budget = new RestartBudget();
  const takes = (id: string, now: number) => Array.from({ length: RESTARTS + 1 }, (_, index) => budget.take(id, now + index));
  const allButOne = [...Array.from({ length: RESTARTS }, () => true), false];
  expect(takes('worker-1', 0)).toEqual(allButOne);
  expect(takes('worker-2', 0)).toEqual(allButOne);
  expect(takes('worker-1', RESTART_WINDOW_MS + RESTARTS)).toEqual(allButOne);
  budget.forget('worker-1');
  expect(budget.take('worker-1', 0)).toBe(true);
});
