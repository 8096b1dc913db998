import { writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { JobError } from '../contract/index.ts';
import { fileError } from './file-error.ts';

test.runIf(process.platform === 'linux')('a full disk is disk_full, with its cause', async () => {
  const error = await writeFile('/dev/full', 'x').catch((cause: unknown) => fileError(cause, 'write the model tiny'));
  expect(error).toMatchObject({
    code: 'disk_full',
    message: 'Cannot write the model tiny: the disk is full. Free some space.',
    cause: { code: 'ENOSPC' },
  });
});

test('a JobError is returned unchanged, and a bug is rethrown', () => {
  const known = new JobError('cancelled', 'The job was cancelled.');
  expect(fileError(known, 'write')).toBe(known);
  expect(() => fileError(new TypeError('a defect'), 'write')).toThrow('a defect');
});
