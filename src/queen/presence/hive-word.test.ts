import { expect, test } from 'vitest';
import { WORKERS_LIMIT } from '../../contract/index.ts';
import { worker } from '../placement/fixtures/fleet.ts';
import { HiveWord, WORD_LIMIT_CHARS } from './hive-word.ts';

const numbered = (number: number) => worker(`w${number}`, 'bee');

test('a hive may report as many workers as one machine can have, each as often as it likes, and no more', () => {
  const word = new HiveWord();
  for (let times = 0; times < 3; times += 1)
    for (let number = 0; number < WORKERS_LIMIT; number += 1) word.setWorker(numbered(number), 1_000);
  expect([...word.workers()]).toHaveLength(WORKERS_LIMIT);
  expect(() => word.setWorker(numbered(WORKERS_LIMIT), 1)).toThrow(/more than 1000 workers/);
});

test('what a hive reports has a limit as a whole, and what it has no longer does not count', () => {
  const word = new HiveWord();
  const most = WORD_LIMIT_CHARS;
  word.setWorker(numbered(1), most);
  word.setWorker(numbered(1), most);
  word.forgetWorker('w1');
  word.forgetWorker('unknown');
  word.setWorker(numbered(2), most);
  word.forgetWorkers();
  word.setWorker(numbered(3), most);
  expect(() => word.setWorker(numbered(4), 1)).toThrow(/characters about itself/);
});
