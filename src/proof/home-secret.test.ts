import { chmod, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { makeHomeSecret, readHomeSecret } from './home-secret.ts';

let folder: string;
let file: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rbee-secret-'));
  file = join(folder, 'secret');
});
afterEach(() => rm(folder, { recursive: true }));

const atStart = { unlessPresent: false };
const whileRunning = { unlessPresent: true };

test('the secret of a home is created once, readable by its user alone, and is 256 random bits', async () => {
  expect(await readHomeSecret(file)).toBeUndefined();
  const secret = await makeHomeSecret(file, atStart);
  expect(Buffer.from(secret, 'base64url')).toHaveLength(32);
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  expect(await makeHomeSecret(file, atStart)).toBe(secret);
  expect(await makeHomeSecret(file, whileRunning)).toBe(secret);
  expect(await readHomeSecret(file)).toBe(secret);
  expect(await readdir(folder)).toEqual(['secret']);
});

test.each([
  ['is empty', ''],
  ['is truncated', 'A'.repeat(20)],
  ['has a wrong byte', `${'A'.repeat(42)}\u0000\n`],
  ['is another program’s', 'x'.repeat(100_000)],
])('a secret file that %s is not used, and is replaced', async (_, text) => {
  await writeFile(file, text, { mode: 0o600 });
  expect(await readHomeSecret(file)).toBeUndefined();
  const secret = await makeHomeSecret(file, whileRunning);
  expect(await readHomeSecret(file)).toBe(secret);
});

test('a secret that others may read is replaced when a daemon starts, and not before: until then running processes share it', async () => {
  const known = await makeHomeSecret(file, atStart);
  await chmod(file, 0o644);
  expect(await makeHomeSecret(file, whileRunning)).toBe(known);
  expect(await makeHomeSecret(file, atStart)).not.toBe(known);
  expect((await stat(file)).mode & 0o777).toBe(0o600);
});

test('a link in place of the secret is not followed: it could lead to a secret that others know', async () => {
  const theirs = join(folder, 'theirs');
  await makeHomeSecret(theirs, atStart);
  await symlink(theirs, file);
  expect(await readHomeSecret(file)).toBeUndefined();
  await makeHomeSecret(file, atStart);
  expect(await readFile(file, 'utf8')).not.toBe(await readFile(theirs, 'utf8'));
});

test('many processes that create the secret at once end up with the same one', async () => {
  await Promise.all(Array.from({ length: 20 }, () => makeHomeSecret(file, atStart)));
  expect(await readHomeSecret(file)).toMatch(/^[\w-]{43}$/);
  expect(await readdir(folder)).toEqual(['secret']);
});

test('a folder in place of the secret, or a missing home, is an error', async () => {
  await expect(makeHomeSecret(folder, atStart)).rejects.toMatchObject({ code: 'EISDIR' });
  await expect(makeHomeSecret(join(folder, 'gone', 'secret'), atStart)).rejects.toMatchObject({ code: 'ENOENT' });
});
