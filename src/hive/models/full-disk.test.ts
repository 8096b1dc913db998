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

function freeBytes({ directory }: SmallDisk): number {
  const { bavail, bsize } = fs.statfsSync(directory);
  return bavail * bsize;
}

/** Under CI a missing right to mount fails the tests instead of skipping them. */
function cannotMount(): boolean {
  // Root in CI has the right: there, a mount that fails is a failure. Other users cannot get the right by installing something.
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
    await expect(download.model).rejects.toThrow(
      /The disk is full: 2\.0 MB are needed and 1\.0 MB are free in .*rbee-disk-\w+, of which 105 kB are kept free$/,
    );
    expect(test.files()).toEqual([]);
  });

  test('a model of unknown size leaves some of the disk free; its part is kept, listed, and resumed when there is space', async () => {
    using disk = mountSmallDisk();
    using test = testStore({ modelsDir: disk.directory });
    await using server = await startBreakingServer(chunked({ content, etag: '"v1"' }));
    const part = path.join(disk.directory, 'bee.gguf.part');
    const download = watch(test.store, { source: server.url, name: 'bee' });
    await expect(download.model).rejects.toMatchObject({
      code: 'disk_full',
      message: expect.stringMatching(/^The disk is full: .*delete the part: rbee model delete bee$/) as string,
    });
    const kept = fs.statSync(part).size;
    expect(kept).toBeGreaterThan(600_000);
    expect(freeBytes(disk)).toBeGreaterThan(100_000);
    expect(await test.store.unfinished()).toEqual([{ model: 'bee', size_bytes: kept }]);
    disk.grow();
    server.answer(good({ content, etag: '"v1"' }));
    const model = await watch(test.reopened(), { source: server.url, name: 'bee' }).model;
    expect(fs.readFileSync(model.path).equals(content)).toBe(true);
    expect(server.requests.at(-1)?.range).toBe(`bytes=${kept}-`);
  });

  test('a server that sends more than it announced is cut off at the announced size, or by the disk', async () => {
    using disk = mountSmallDisk();
    using test = testStore({ modelsDir: disk.directory });
    await using server = await startBreakingServer(chunked({ content, etag: '"v1"' }));
    await expect(watch(test.store, { source: server.url, name: 'bee' }).model).rejects.toMatchObject({ code: 'disk_full' });
    // The announced rest is short: the limit applies to the bytes written, not only to the bytes announced.
    server.answer((request, response) => {
      const from = Number(/bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1]);
      response.writeHead(206, { etag: '"v1"', 'content-range': `bytes ${from}-${from + 9}/${from + 10}` }).end(content);
    });
    await expect(watch(test.store, { source: server.url, name: 'bee' }).model).rejects.toMatchObject({ code: 'download_failed' });
    expect(freeBytes(disk)).toBeGreaterThan(100_000);
  });

  test('two simultaneous downloads are not given the same free space', async () => {
    using disk = mountSmallDisk();
    using test = testStore({ modelsDir: disk.directory });
    const half = content.subarray(0, 600_000);
    await using slow = await startBreakingServer((_request, response) => {
      response.writeHead(200, { 'content-length': half.length, etag: '"v1"' }).write(half.subarray(0, 50_000));
    });
    await using fast = await startBreakingServer(good({ content: half, etag: '"v1"' }));
    const first = watch(test.store, { source: slow.url, name: 'first' });
    await first.until(({ kind }) => kind === 'progress');
    const second = watch(test.store, { source: fast.url, name: 'second' });
    await expect(second.model).rejects.toThrow(
      /600 kB are needed and .* 105 kB are kept free and 5\d\d kB are for other downloads$/,
    );
    first.cancel();
    await expect(first.model).rejects.toMatchObject({ code: 'cancelled' });
    expect((await watch(test.store, { source: fast.url, name: 'second' }).model).size_bytes).toBe(600_000);
  });

  test('deleting a model by name also deletes the leftovers of a download, even a complete file that is not listed', async () => {
    using disk = mountSmallDisk();
    using test = testStore({ modelsDir: disk.directory });
    await using server = await startBreakingServer(chunked({ content, etag: '"v1"' }));
    await expect(watch(test.store, { source: server.url, name: 'bee' }).model).rejects.toMatchObject({ code: 'disk_full' });
    await test.store.remove('bee');
    fs.writeFileSync(path.join(disk.directory, 'lost.gguf'), content.subarray(0, 1000));
    expect(await test.store.unfinished()).toEqual([{ model: 'lost', size_bytes: 1000 }]);
    await test.store.remove('lost');
    expect([test.files(), await test.store.unfinished()]).toEqual([[], []]);
    await expect(test.store.remove('bee')).rejects.toMatchObject({ code: 'model_not_found' });
  });

  test('a download to a completely full disk fails with disk_full', async () => {
    using disk = mountSmallDisk();
    using test = testStore({ modelsDir: disk.directory });
    expect(() => fs.writeFileSync(path.join(disk.directory, 'ballast'), content)).toThrow('ENOSPC');
    await using server = await startBreakingServer(good({ content, etag: '"v1"' }));
    await expect(watch(test.store, { source: server.url, name: 'bee' }).model).rejects.toMatchObject({ code: 'disk_full' });
  });
});
