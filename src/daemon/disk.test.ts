import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { diskFreeBytes } from './disk.ts';
import { canMount, smallDisk, temporaryFolder } from './fixtures/temporary-folder.ts';

test('the space at a folder that does not exist yet is that of the disk where it would be', async () => {
  await using folder = await temporaryFolder();
  expect(await diskFreeBytes(join(folder.path, 'not/yet'))).toBeGreaterThan(0);
});

test.runIf(canMount)('what is written is no longer free', async () => {
  await using disk = await smallDisk({ freeBytes: 1024 ** 2 });
  expect(await diskFreeBytes(disk.path)).toBe(1024 ** 2);
  await writeFile(join(disk.path, 'model'), Buffer.alloc(1000 * 1024));
  expect(await diskFreeBytes(disk.path)).toBe(24 * 1024);
});
