import { expect, test } from 'vitest';
import { EngineLog } from './engine-log.ts';

test('the summary of the engine log is its errors, once each, on one line', () => {
  const log = new EngineLog();
  log.record(false, 'missing pre-tokenizer type');
  log.record(true, 'error loading model:\n  key not found\n');
  log.record(true, 'failed to load model');
  log.record(true, 'failed to load model');
  expect(log.summary()).toBe(': error loading model: key not found; failed to load model');
});

test('the summary of an engine log without errors is its warnings, and of an empty one is empty', () => {
  const log = new EngineLog();
  expect(log.summary()).toBe('');
  log.record(false, 'odd tokenizer');
  expect(log.summary()).toBe(': odd tokenizer');
  log.clear();
  expect(log.summary()).toBe('');
});

test('the engine log keeps the last twenty lines', () => {
  const log = new EngineLog();
  for (let line = 0; line < 50; line++) log.record(true, `line ${String(line)}.`);
  expect(log.summary()).toContain('line 30.');
  expect(log.summary()).not.toContain('line 29.');
});
