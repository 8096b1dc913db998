import { execFileSync } from 'node:child_process';
import { readdirSync, statfsSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { canMount, smallDisk } from './fixtures/temporary-folder.ts';
import { Reserve, reservesOf } from './reserve.ts';

const MB = 1024 ** 2;

function freeBytes(path: string): number {
  const { bavail, bsize } = statfsSync(path);
  return bavail * bsize;
}

function fill(path: string): void {
  execFileSync('sh', ['-c', 'cat /dev/zero > "$0/filler" 2>/dev/null || true', path]);
  expect(freeBytes(path)).toBe(0);
}

test.runIf(canMount)('a reserve is created where enough space is free, and deleted only on a full disk', async () => {
  await using disk = await smallDisk({ freeBytes: 16 * MB });
  const reserve = new Reserve(disk.path);
  reserve.keep();
  expect(freeBytes(disk.path)).toBe(16 * MB - MB / 4);
  expect(reserve.releaseWhenFull()).toBe(false);
  fill(disk.path);
  expect(reserve.releaseWhenFull()).toBe(true);
  expect(freeBytes(disk.path)).toBe(MB / 4);
  // Some of it is used, and the disk is still full.
  writeFileSync(join(disk.path, 'pidfile'), 'x');
  expect(reserve.releaseWhenFull()).toBe(true);
  new Reserve(disk.path).keep();
  expect(readdirSync(disk.path).toSorted()).toEqual(['filler', 'pidfile']);
  await rm(join(disk.path, 'filler'));
  expect(reserve.releaseWhenFull()).toBe(false);
});

test.runIf(canMount)('a reserve also reserves inodes', async () => {
  await using disk = await smallDisk({ freeBytes: 16 * MB });
  execFileSync('mount', ['-o', 'remount,nr_inodes=200', disk.path]);
  const reserve = new Reserve(disk.path);
  reserve.keep();
  let count = 0;
  expect(() => {
    for (; ; count += 1) writeFileSync(join(disk.path, `file-${count}`), '');
  }).toThrow('ENOSPC');
  expect(count).toBeLessThan(200);
  expect(reserve.releaseWhenFull()).toBe(true);
  for (let more = 0; more < 8; more += 1) writeFileSync(join(disk.path, `more-${more}`), '');
});

test.runIf(canMount)('folders on two disks have a reserve on each, and folders on one disk share one', async () => {
  await using one = await smallDisk({ freeBytes: 16 * MB });
  await using other = await smallDisk({ freeBytes: 16 * MB });
  expect(reservesOf([one.path, one.path])).toHaveLength(1);
  for (const reserve of reservesOf([one.path, other.path])) reserve.keep();
  for (const { path } of [one, other]) expect(freeBytes(path)).toBe(16 * MB - MB / 4);
});
