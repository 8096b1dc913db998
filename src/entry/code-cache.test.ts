import { chmod, mkdir, mkdtemp, readdir, readFile, rename, rm, symlink, truncate, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { placeOf, readCode, writeCode } from './code-cache.ts';

let cache: string;
beforeEach(async () => {
  cache = join(await mkdtemp(join(tmpdir(), 'rbee-code-')), 'home', 'cache');
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(join(cache, '../..'), { recursive: true, force: true });
});

const place = (source = 'the source') => placeOf('keeper', Buffer.from(source), cache);
const code = { data: Buffer.from('what V8 has compiled'), commands: ['infer'] };

test('what was written is read, in a private folder', async () => {
  writeCode(place(), code);
  expect(readCode(place())).toEqual(code);
  const folder = join(cache, 'code');
  await chmod(folder, 0o770);
  expect(readCode(place())).toBeUndefined();
});

test('another source, other settings of Node or another program have another entry', () => {
  writeCode(place(), code);
  expect(readCode(place('other bytes'))).toBeUndefined();
  expect(readCode(placeOf('queen', Buffer.from('the source'), cache))).toBeUndefined();
  vi.stubEnv('NODE_OPTIONS', '--stack-size=500');
  expect(readCode(place())).toBeUndefined();
});

test.each([
  ['cut off', async (file: string) => truncate(file, 60)],
  ['empty', async (file: string) => truncate(file, 0)],
  [
    'changed in one bit',
    async (file: string) => {
      const bytes = await readFile(file);
      bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
      await writeFile(file, bytes);
    },
  ],
  ['writable for others', async (file: string) => chmod(file, 0o622)],
  [
    'a link',
    async (file: string) => {
      await rename(file, `${file}.elsewhere`);
      await symlink(`${file}.elsewhere`, file);
    },
  ],
  [
    'a folder',
    async (file: string) => {
      await rm(file);
      await mkdir(file);
    },
  ],
])('an entry that is %s is not used', async (_how, damage) => {
  writeCode(place(), code);
  await damage(place().file);
  expect(readCode(place())).toBeUndefined();
  writeCode(place(), { ...code, commands: ['status'] });
  expect([undefined, 'status']).toContain(readCode(place())?.commands[0]);
});

test('the entry of another source is not used under the name of this one', async () => {
  writeCode(place('one'), code);
  await rename(place('one').file, place('two').file);
  expect(readCode(place('two'))).toBeUndefined();
});

test('the newest four entries of a program are kept, and no unfinished file', async () => {
  const folder = join(cache, 'code');
  writeCode(placeOf('queen', Buffer.from('x'), cache), code);
  await writeFile(join(folder, 'keeper-0000.tmp'), 'of a killed process');
  await utimes(join(folder, 'keeper-0000.tmp'), new Date(0), new Date(0));
  for (const each of [1, 2, 3, 4, 5, 6]) {
    writeCode(place(String(each)), code);
    await utimes(place(String(each)).file, new Date(each * 1000), new Date(each * 1000));
  }
  writeCode(place('7'), code);
  const kept = ['4', '5', '6', '7'].map((each) => place(each).file);
  const queens = placeOf('queen', Buffer.from('x'), cache).file;
  const files = (await readdir(folder)).map((name) => join(folder, name));
  expect(files.toSorted()).toEqual([...kept, queens].toSorted());
});

test('nothing is written into a folder that others may write, or where a file is in the way', async () => {
  await mkdir(join(cache, 'code'), { recursive: true });
  await chmod(join(cache, 'code'), 0o777);
  writeCode(place(), code);
  expect(await readdir(join(cache, 'code'))).toEqual([]);
  await rm(cache, { recursive: true });
  await writeFile(cache, '');
  writeCode(place(), code);
  expect(readCode(place())).toBeUndefined();
});
