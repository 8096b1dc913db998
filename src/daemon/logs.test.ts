import { appendFile, readdir, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder } from './fixtures/temporary-folder.ts';
import { followLog, tailLog } from './logs.ts';

/** A log in a folder of its own. */
async function temporaryLog(text?: string) {
  const folder = await temporaryFolder();
  const file = join(folder.path, 'attic.log');
  if (text !== undefined) await writeFile(file, text);
  return { ...folder, file };
}

/** The lines of a log as they come, and a way to stop. */
function following(file: string, lines = 0) {
  const stop = new AbortController();
  const log = followLog(file, { signal: stop.signal, lines });
  return {
    next: async () => (await log.next()).value,
    async [Symbol.asyncDispose]() {
      stop.abort();
      expect(await log.next()).toEqual({ done: true, value: undefined });
    },
  };
}

test('the tail of a log is its last lines, with an incomplete one', async () => {
  await using log = await temporaryLog('one\ntwo\n\nfour');
  expect(await tailLog(log.file, 2)).toEqual(['', 'four']);
  expect(await tailLog(log.file, 99)).toEqual(['one', 'two', '', 'four']);
  expect(await tailLog(log.file, 0)).toEqual([]);
});

test('the tail contains only lines after the given byte', async () => {
  await using log = await temporaryLog('before\nafter\n');
  expect(await tailLog(log.file, 10, 'before\n'.length)).toEqual(['after']);
  expect(await tailLog(log.file, 10, 'before\nafter\n'.length)).toEqual([]);
});

test('an empty or missing log has no tail', async () => {
  await using log = await temporaryLog('');
  expect(await tailLog(log.file, 10)).toEqual([]);
  expect(await tailLog(`${log.file}.nowhere`, 10)).toEqual([]);
});

test('the tail is right for every size around the chunk size, with multi-byte characters', async () => {
  await using log = await temporaryLog();
  for (let sizeBytes = 65_530; sizeBytes < 65_545; sizeBytes += 1) {
    const last = ['🐝 the second', 'löwe'];
    await writeFile(log.file, `${'é'.repeat(sizeBytes)}\n${last.join('\n')}\n`);
    expect(await tailLog(log.file, 2)).toEqual(last);
    expect((await tailLog(log.file, 3))[0]).toHaveLength(sizeBytes);
  }
});

test('the tail of a very large log is read without reading the whole log', async () => {
  await using log = await temporaryLog();
  await writeFile(log.file, '');
  await truncate(log.file, 8 * 1024 ** 3);
  await appendFile(log.file, '\nlast\n');
  expect(await tailLog(log.file, 1)).toEqual(['last']);
});

test('following a log yields its last lines, then each line once it is complete', async () => {
  await using log = await temporaryLog('one\ntwo\nthree\nhalf a ');
  await using followed = following(log.file, 2);
  expect([await followed.next(), await followed.next()]).toEqual(['two', 'three']);
  await appendFile(log.file, 'line\nfive\n');
  expect([await followed.next(), await followed.next()]).toEqual(['half a line', 'five']);
});

test('following a log yields a character whole that was written in two halves', async () => {
  await using log = await temporaryLog('start\n');
  await using followed = following(log.file, 1);
  expect(await followed.next()).toBe('start');
  const bee = Buffer.from('🐝\n');
  const line = followed.next();
  await appendFile(log.file, bee.subarray(0, 2));
  await appendFile(log.file, bee.subarray(2));
  expect(await line).toBe('🐝');
});

test('following a log waits for a missing file or folder, and reads it from its start', async () => {
  await using log = await temporaryLog();
  await using followed = following(log.file, 10);
  const line = followed.next();
  await writeFile(log.file, 'first\n');
  expect(await line).toBe('first');
});

test('following a log through a rotation loses neither the end of the old file nor the start of the new', async () => {
  await using log = await temporaryLog('start\n');
  await using followed = following(log.file, 1);
  expect(await followed.next()).toBe('start');
  await appendFile(log.file, 'last of the old\nunfinished');
  await rename(log.file, `${log.file}.1`);
  await writeFile(log.file, 'first of the new\n');
  expect([await followed.next(), await followed.next(), await followed.next()]).toEqual([
    'last of the old',
    'unfinished',
    'first of the new',
  ]);
  await rm(log.file);
  await writeFile(log.file, 'and once more\n');
  expect(await followed.next()).toBe('and once more');
});

test('following a log continues after a truncation', async () => {
  await using log = await temporaryLog('a long line that was there before\n');
  await using followed = following(log.file, 1);
  await followed.next();
  await writeFile(log.file, 'new\n');
  expect(await followed.next()).toBe('new');
});

test('following a log that is copied to FILE.1 and truncated yields also the last lines before the copy', async () => {
  await using log = await temporaryLog('start\n');
  await using followed = following(log.file, 1);
  expect(await followed.next()).toBe('start');
  // In place of the log at once, so that no look falls in between.
  await writeFile(`${log.file}.1`, 'start\nlast of the old\n');
  await writeFile(log.file, 'new\n');
  expect([await followed.next(), await followed.next()]).toEqual(['last of the old', 'new']);
});

test('following a log closes the file when its reader stops, and an aborted signal is no error', async () => {
  await using log = await temporaryLog('one\ntwo\n');
  const openFiles = () => readdir('/dev/fd').then((files) => files.length);
  const before = await openFiles();
  for await (const line of followLog(log.file, { signal: new AbortController().signal, lines: 2 })) {
    expect(line).toBe('one');
    break;
  }
  expect(await openFiles()).toBe(before);
  for await (const line of followLog(log.file, { signal: AbortSignal.abort(), lines: 2 })) expect.fail(line);
});

test('an endless line is yielded in pieces, so that it cannot fill the memory', async () => {
  await using log = await temporaryLog('start\n');
  const followed = followLog(log.file, { signal: new AbortController().signal, lines: 1 });
  await followed.next();
  await appendFile(log.file, 'x'.repeat(1024 * 1024));
  for await (const piece of followed) {
    expect(piece.length).toBeGreaterThan(256 * 1024);
    expect(piece.length).toBeLessThan(512 * 1024);
    break;
  }
});
