import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { describe, expect, test } from 'vitest';
import { chunked, good, startBreakingServer } from './testing/breaking-server.ts';
import { fakeModel, testStore, watch } from './testing/test-store.ts';

interface SmallDisk extends Disposable {
  directory: string;
  grow(): void;
}

/** A real file system of 1 MB. Unmounting it at the end fails where anything was left open on it. */
function mountSmallDisk(): SmallDisk {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'rbee-disk-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', directory], { stdio: 'pipe' });
  } catch (cause) {
    fs.rmdirSync(directory);
    throw cause;
  }
  return {
    directory,
    grow: () => execFileSync('mount', ['-o', 'remount,size=8m', directory]),
    [Symbol.dispose]() {
      execFileSync('umount', [directory]);
      fs.rmdirSync(directory);
    },
  };
}

/** Under CI a missing right to mount fails the tests instead of skipping them. */
function cannotMount(): boolean {
  // Root in CI has the right: there, a mount that fails is a failure. Nobody else can be given it by installing something.
  if (process.env['CI'] === 'true' && process.getuid?.() === 0) return false;
  try {
    mountSmallDisk()[Symbol.dispose]();
    return false;
  } catch {
    return true;
  }
}

const content = fakeModel(2_000_000);

describe.skipIf(cannotMount())('on a disk of 1 MB (needs the right to mount one)', () => {
  test('a model that does not fit is refused before its first byte is written', async () => {
    using disk = mountSmallDisk();
    using test = testStore({ modelsDir: disk.directory });
    await using server = await startBreakingServer(good({ content, etag: '"v1"' }));
    const download = watch(test.store, { source: server.url, name: 'bee' });
    await expect(download.model).rejects.toMatchObject({ code: 'disk_full' });
    await expect(download.model).rejects.toThrow(/The disk is full: 2\.0 MB are needed and 1\.0 MB are free in .*rbee-disk-/);
    expect(test.files()).toEqual([]);
  });

  test('a disk that becomes full keeps what fits, and the download goes on when there is space', async () => {
    using disk = mountSmallDisk();
    using test = testStore({ modelsDir: disk.directory });
    await using server = await startBreakingServer(chunked({ content, etag: '"v1"' }));
    const part = path.join(disk.directory, 'bee.gguf.part');
    const download = watch(test.store, { source: server.url, name: 'bee' });
    await expect(download.model).rejects.toMatchObject({
      code: 'disk_full',
      message: `The disk is full: ${part} could not be written`,
    });
    const kept = fs.statSync(part).size;
    expect(kept).toBeGreaterThan(900_000);
    disk.grow();
    server.answer(good({ content, etag: '"v1"' }));
    const model = await watch(test.reopened(), { source: server.url, name: 'bee' }).model;
    expect(fs.readFileSync(model.path).equals(content)).toBe(true);
    expect(server.requests.at(-1)?.range).toBe(`bytes=${kept}-`);
  });

  test('a disk on which nothing fits any more is disk_full too', async () => {
    using disk = mountSmallDisk();
    using test = testStore({ modelsDir: disk.directory });
    expect(() => fs.writeFileSync(path.join(disk.directory, 'ballast'), content)).toThrow('ENOSPC');
    await using server = await startBreakingServer(good({ content, etag: '"v1"' }));
    await expect(watch(test.store, { source: server.url, name: 'bee' }).model).rejects.toMatchObject({ code: 'disk_full' });
  });
});
