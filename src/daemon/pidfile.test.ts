import { chmod, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { canMount, smallDisk, temporaryFolder } from './fixtures/temporary-folder.ts';
import { isAlive, listPidfiles, readPidfile, removePidfile, writePidfile } from './pidfile.ts';

const attic = { role: 'hive', name: 'attic', host: '127.0.0.1', port: 9000, version: '1.2.3' } as const;

test('a pidfile is read as it was written, by its user only, and no other file is left in the folder', async () => {
  await using folder = await temporaryFolder();
  const run = join(folder.path, 'run');
  const pidfile = await writePidfile(run, { ...attic, extra: { model: 'tiny' } });
  expect(pidfile).toMatchObject({ ...attic, pid: process.pid, extra: { model: 'tiny' } });
  expect(await readPidfile(run, 'attic')).toEqual({ kind: 'found', pidfile });
  expect(await readdir(run)).toEqual(['attic.json']);
  expect((await stat(join(run, 'attic.json'))).mode & 0o777).toBe(0o600);
  expect((await stat(run)).mode & 0o777).toBe(0o700);
});

test('a missing pidfile is absent, also in a missing folder', async () => {
  await using folder = await temporaryFolder();
  expect(await readPidfile(folder.path, 'attic')).toEqual({ kind: 'absent' });
  expect(await readPidfile(join(folder.path, 'nowhere'), 'attic')).toEqual({ kind: 'absent' });
  expect(await listPidfiles(join(folder.path, 'nowhere'))).toEqual([]);
});

test('a pidfile truncated at any byte is removed, with the reason', async () => {
  await using folder = await temporaryFolder();
  await writePidfile(folder.path, attic);
  const path = join(folder.path, 'attic.json');
  const whole = (await readFile(path, 'utf8')).trimEnd();
  for (let length = 0; length < whole.length; length += 1) {
    await writeFile(path, whole.slice(0, length));
    expect(await readPidfile(folder.path, 'attic')).toEqual({
      kind: 'garbage',
      reason: `removed ${path}: it is not a valid pidfile`,
    });
  }
  expect(await readdir(folder.path)).toEqual([]);
});

test('a pidfile with any other content is neither accepted nor an exception', async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, 'attic.json');
  const nearlyRight = fc.record({
    pid: fc.constantFrom(0, -1, 1.5, '7', null),
    started: fc.constant('1'),
    role: fc.constant('hive'),
    name: fc.constant('attic'),
    host: fc.constant('127.0.0.1'),
    port: fc.constant(9000),
    version: fc.constant('1'),
  });
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(
        fc.string(),
        fc.json(),
        nearlyRight.map((value) => JSON.stringify(value)),
      ),
      async (text) => {
        await writeFile(path, text);
        expect(await readPidfile(folder.path, 'attic')).toMatchObject({ kind: 'garbage' });
      },
    ),
  );
});

test('a process is alive only with its own start: a reused pid is another process', async () => {
  await using folder = await temporaryFolder();
  const pidfile = await writePidfile(folder.path, attic);
  expect(await isAlive(pidfile)).toBe(true);
  expect(await isAlive({ ...pidfile, started: `${pidfile.started}0` })).toBe(false);
  expect(await isAlive({ ...pidfile, pid: 2 ** 30 })).toBe(false);
});

test('all pidfiles are listed by name, garbage is reported, and foreign files stay', async () => {
  await using folder = await temporaryFolder();
  const second = await writePidfile(folder.path, { ...attic, name: 'worker-2' });
  const first = await writePidfile(folder.path, { ...attic, name: 'worker-1' });
  await writeFile(join(folder.path, 'queen.json'), '{');
  await writeFile(join(folder.path, 'no pidfile.json'), '{');
  expect(await listPidfiles(folder.path)).toEqual([
    { kind: 'garbage', reason: `removed ${join(folder.path, 'queen.json')}: it is not a valid pidfile` },
    { kind: 'found', pidfile: first },
    { kind: 'found', pidfile: second },
  ]);
  expect((await readdir(folder.path)).toSorted()).toEqual(['no pidfile.json', 'worker-1.json', 'worker-2.json']);
});

test('the incomplete file of an exited writer is deleted, and that of a running one stays', async () => {
  await using folder = await temporaryFolder();
  await writeFile(join(folder.path, `attic.json.${2 ** 30}.tmp`), '{"pid"');
  await writeFile(join(folder.path, `attic.json.${process.pid}.tmp`), '{"pid"');
  expect(await listPidfiles(folder.path)).toEqual([]);
  expect(await readdir(folder.path)).toEqual([`attic.json.${process.pid}.tmp`]);
});

test("a daemon removes its own pidfile once, and never its successor's", async () => {
  await using folder = await temporaryFolder();
  const own = await writePidfile(folder.path, attic);
  const predecessor = { ...own, started: 'before' };
  expect(await removePidfile(folder.path, predecessor)).toBe(false);
  expect(await removePidfile(folder.path, own)).toBe(true);
  expect(await removePidfile(folder.path, own)).toBe(false);
  expect(await readdir(folder.path)).toEqual([]);
});

test.each(['../queen', '', '.hidden', 'a/b', 'a b'])('the pidfile name %j is a bug of the caller', async (name) => {
  await using folder = await temporaryFolder();
  await expect(readPidfile(folder.path, name)).rejects.toThrow('the name of a pidfile');
});

test('a folder in place of the pidfile is not overwritten, and is moved aside by a reader', async () => {
  await using folder = await temporaryFolder();
  await mkdir(join(folder.path, 'attic.json'));
  await expect(writePidfile(folder.path, attic)).rejects.toMatchObject({ code: 'daemon_start_failed' });
  const reads = await Promise.all([readPidfile(folder.path, 'attic'), readPidfile(folder.path, 'attic')]);
  expect(reads.map(({ kind }) => kind)).toContain('garbage');
  await writePidfile(folder.path, attic);
  expect(await readPidfile(folder.path, 'attic')).toMatchObject({ kind: 'found' });
});

test('a file in place of the home is an error that says so', async () => {
  await using folder = await temporaryFolder();
  const file = join(folder.path, 'home');
  await writeFile(file, '');
  await expect(readPidfile(join(file, 'run'), 'queen')).rejects.toMatchObject({
    code: 'daemon_start_failed',
    message: expect.stringMatching(/^Cannot read the pidfile .*: a part of this path is a file, not a folder\./) as string,
  });
});

test.runIf(canMount)('on a full disk, writing a pidfile is disk_full, and the previous pidfile stays complete', async () => {
  await using disk = await smallDisk({ freeBytes: 8192 });
  const before = await writePidfile(disk.path, attic);
  await expect(writePidfile(disk.path, { ...attic, version: 'x'.repeat(20_000) })).rejects.toMatchObject({
    code: 'disk_full',
    message: expect.stringContaining('attic.json: the disk is full.') as string,
  });
  expect(await readPidfile(disk.path, 'attic')).toEqual({ kind: 'found', pidfile: before });
  expect(await readdir(disk.path)).toEqual(['attic.json']);
});

test.skipIf(process.getuid?.() === 0)('a pidfile folder without write access is an error that says what to do', async () => {
  await using folder = await temporaryFolder();
  await chmod(folder.path, 0o500);
  await expect(writePidfile(folder.path, attic)).rejects.toMatchObject({
    code: 'daemon_start_failed',
    message: expect.stringContaining('permission denied. Make it writable') as string,
  });
});
