import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import * as z from 'zod';
import { JobError } from '../contract/index.ts';
import { logError } from './log-error.ts';

const MARKER = 'Nectar-of-a-request';

function thrownBy(work: () => unknown): unknown {
  try {
    work();
  } catch (error) {
    return error;
  }
  return expect.fail('it should throw');
}

function fail(thrown: unknown): never {
  throw thrown;
}

test.each<[string, () => unknown]>([
  ['JSON that cannot be parsed', () => JSON.parse(`{"prompt": ${MARKER}}`) as unknown],
  ['an invalid URL', () => new URL(`/${MARKER}`)],
  ['a value of the wrong type', () => readFileSync(`/tmp/${MARKER}\0`)],
  ['an unknown key', () => z.strictObject({}).parse({ [MARKER]: 1 })],
  ['a value that is not one of several', () => z.object({ a: z.enum(['b']) }).parse({ a: MARKER })],
  ['a value out of range', () => fail(new RangeError(`Bad value: "${MARKER}" and '${MARKER}'`))],
  ['a thrown string', () => fail(MARKER)],
])('the text that an error about %s quotes is not logged', (_what, work) => {
  const error = thrownBy(work);
  for (const each of [error, new JobError('internal', 'Unexpected failure', { cause: error })]) {
    expect(JSON.stringify(logError(each))).not.toContain(MARKER);
  }
});

test('fields that a library adds to an error are not logged', () => {
  const error = Object.assign(new Error('it failed'), { body: MARKER, input: MARKER, response: { text: MARKER } });
  expect(JSON.stringify(logError(error))).not.toContain(MARKER);
});

test("rbee's own messages, system errors about a file, and the causes of an error are logged", () => {
  const cause = thrownBy(() => readFileSync('/nowhere/at-all'));
  const error = new JobError('disk_full', 'The disk is full: /data/queen.db could not be written', { cause });
  expect(logError(error)).toEqual({
    type: 'JobError',
    code: 'disk_full',
    message: 'The disk is full: /data/queen.db could not be written',
    cause: expect.objectContaining({
      code: 'ENOENT',
      message: "ENOENT: no such file or directory, open '/nowhere/at-all'",
    }) as unknown,
  });
});

test('a bug is logged with its stack, and circular causes are logged once', () => {
  const error = new TypeError('undefined is not a function');
  error.cause = error;
  expect(logError(error)).toMatchObject({
    message: 'undefined is not a function',
    stack: expect.stringContaining('log-error.test.ts') as string,
  });
});
