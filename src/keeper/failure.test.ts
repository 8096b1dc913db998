import { expect, test } from 'vitest';
import { JobError } from '../contract/index.ts';
import { exitCodeOf, failureFrom, failureOf } from './failure.ts';

test('an unexpected error is a sentence and a request to report it, with the stack kept for -v', () => {
  const failure = failureFrom(new TypeError('x is not a function'));
  expect(failure).toMatchObject({ code: 'internal', message: 'Something unexpected happened: TypeError: x is not a function' });
  expect(failure.hint).toContain('Please report it');
  expect(failure.stack).toContain('failure.test.ts');
  expect(exitCodeOf(failure.code)).toBe(1);
});

test('a JobError has the hint of the contract, and its cause for -v', () => {
  const failure = failureFrom(new JobError('worker_busy', 'All slots are taken', { cause: new RangeError('4 of 4') }));
  expect(failure).toMatchObject({ code: 'worker_busy', hint: 'Try again soon, or spawn another worker.', origin: 'rbee-keeper' });
  expect(failure.stack).toContain('RangeError: 4 of 4');
  expect(exitCodeOf(failure.code)).toBe(5);
});

test('a request that a daemon refuses leads to the help of its command', () => {
  const refused = { code: 'invalid_input', message: 'no', origin: 'queen-rbee', retryable: false } as const;
  expect(failureOf(refused, { operation: 'hive_import_ssh' }).hint).toBe('See: rbee hive import-ssh --help');
});

test("an error's own hint replaces that of the table, and an empty one leaves it out", () => {
  expect(failureFrom(new JobError('output_failed', 'stdout is closed', { hint: 'Open it' })).hint).toBe('Open it');
  expect(failureFrom(new JobError('output_failed', 'stdout is closed', { hint: '' })).hint).toBeUndefined();
});

test('a code of a newer queen has no hint, and still an exit code', () => {
  expect(failureOf({ code: 'bees_on_strike', message: 'no', origin: 'queen-rbee', retryable: false }).hint).toBeUndefined();
  expect(exitCodeOf('bees_on_strike')).toBe(4);
});

test('a hint to run rbee doctor names the machine to run it on', () => {
  const full = { code: 'disk_full', message: 'The disk is full', retryable: false } as const;
  expect(failureOf({ ...full, origin: 'rbee-hive' }, { input: { hive_id: 'attic' } }).hint).toContain(
    "rbee doctor (on the machine of hive 'attic')",
  );
  expect(failureOf({ ...full, origin: 'rbee-hive' }, { input: { hive_id: 'localhost' } }).hint).toContain('rbee doctor shows');
});
