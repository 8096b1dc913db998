import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { diskFreeBytes, floorBytes, JobDiskSpace } from './disk.ts';
import { canMount, smallDisk, temporaryFolder } from './fixtures/temporary-folder.ts';

test('the free space at a folder that does not exist yet is that of the disk that would contain it', async () => {
  await using folder = await temporaryFolder();
  expect(await diskFreeBytes(join(folder.path, 'not/yet'))).toBeGreaterThan(0);
});

test.runIf(canMount)('written bytes are no longer free', async () => {
  await using disk = await smallDisk({ freeBytes: 1024 ** 2 });
  expect(await diskFreeBytes(disk.path)).toBe(1024 ** 2);
  await writeFile(join(disk.path, 'model'), Buffer.alloc(1000 * 1024));
  expect(await diskFreeBytes(disk.path)).toBe(24 * 1024);
});

test('downloads leave a part of the disk free that depends on its size', () => {
  const [MB, GB] = [1024 ** 2, 1024 ** 3];
  const floors = [MB, 16 * MB, 10 * GB, 100 * GB, 1000 * GB].map((size) => Math.round(floorBytes(size) / 1000));
  expect(floors).toEqual([105, 1_678, 536_871, 2_147_484, 5_368_709]);
});

test.runIf(canMount)('jobs leave disk space for the daemons, and notice when space is freed', async () => {
  await using disk = await smallDisk({ freeBytes: 1024 ** 2 });
  await writeFile(join(disk.path, 'model'), Buffer.alloc(900 * 1024));
  const room = new JobDiskSpace(disk.path);
  room.take(0);
  expect(() => {
    room.take(200 * 1024);
  }).toThrow(expect.objectContaining({ code: 'disk_full', message: expect.stringContaining(disk.path) as string }));
  room.take(90 * 1024);
  await rm(join(disk.path, 'model'));
  room.take(900 * 1024);
});

test('a missing folder does not count as a full disk', () => {
  new JobDiskSpace('/nowhere/at-all').take(1);
});
