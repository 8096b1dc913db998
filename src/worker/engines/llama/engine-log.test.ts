import { expect, test } from 'vitest';
import { EngineLog } from './engine-log.ts';

test('the last words are the errors, once each, on one line', () => {
  const log = new EngineLog();
  log.record(false, 'missing pre-tokenizer type');
  log.record(true, 'error loading model:\n  key not found\n');
  log.record(true, 'failed to load model');
  log.record(true, 'failed to load model');
  expect(log.lastWords()).toBe(': error loading model: key not found; failed to load model');
});

test('without errors the warnings speak, and without those there are no words', () => {
  const log = new EngineLog();
  expect(log.lastWords()).toBe('');
  log.record(false, 'odd tokenizer');
  expect(log.lastWords()).toBe(': odd tokenizer');
  log.clear();
  expect(log.lastWords()).toBe('');
});

test('only the last twenty lines are kept', () => {
  const log = new EngineLog();
  for (let line = 0; line < 50; line++) log.record(true, `line ${String(line)}.`);
  expect(log.lastWords()).toContain('line 30.');
  expect(log.lastWords()).not.toContain('line 29.');
});
