import { mkdir, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { canMount, forbiddenFolder, smallDisk, temporaryFolder } from './fixtures/temporary-folder.ts';
import { ensureDirectory, homePaths } from './paths.ts';

test('without any setting, the folders are those of XDG', () => {
  expect(homePaths({ HOME: '/home/bee' })).toMatchObject({
    config: '/home/bee/.config/rbee',
    data: '/home/bee/.local/share/rbee',
    models: '/home/bee/.local/share/rbee/models',
    cache: '/home/bee/.cache/rbee',
    logs: '/home/bee/.local/state/rbee/logs',
    run: '/home/bee/.local/state/rbee/run',
  });
  expect(homePaths({ HOME: '/home/bee' }).jobs('queen')).toBe('/home/bee/.local/share/rbee/jobs/queen');
  expect(homePaths({ HOME: '/home/bee' }).logFile('queen')).toBe('/home/bee/.local/state/rbee/logs/queen.log');
});

test('the XDG variables move the folders, except relative ones, which the specification calls invalid', () => {
  const env = { HOME: '/home/bee', XDG_CONFIG_HOME: '/etc/bee', XDG_DATA_HOME: 'data', XDG_STATE_HOME: '/var/bee' };
  expect(homePaths(env)).toMatchObject({
    config: '/etc/bee/rbee',
    data: '/home/bee/.local/share/rbee',
    run: '/var/bee/rbee/run',
  });
});

test('RBEE_HOME puts everything under one folder', () => {
  const paths = homePaths({ HOME: '/home/bee', XDG_DATA_HOME: '/elsewhere', RBEE_HOME: '/fleet' });
  const all = [
    paths.config,
    paths.data,
    paths.cache,
    paths.models,
    paths.logs,
    paths.run,
    paths.jobs('hive'),
    paths.logFile('hive'),
  ];
  expect(all.filter((path) => !path.startsWith('/fleet/'))).toEqual([]);
  expect(homePaths({ RBEE_HOME: 'fleet' }).data).toBe(join(process.cwd(), 'fleet/data'));
});

test('two homes have two ids, and one home has one id under all of its names, before and after it exists', async () => {
  await using folder = await temporaryFolder();
  await mkdir(join(folder.path, 'real'));
  await symlink(join(folder.path, 'real'), join(folder.path, 'link'));
  const idOf = (name: string) => homePaths({ RBEE_HOME: join(folder.path, name) }).homeId;
  const before = idOf('real/home');
  expect(before).toMatch(/^[0-9a-f]{16}$/);
  expect(idOf('link/home')).toBe(before);
  expect(idOf('real/other')).not.toBe(before);
  await ensureDirectory(homePaths({ RBEE_HOME: join(folder.path, 'link/home') }).config);
  expect(idOf('real/home')).toBe(before);
  expect(idOf('link/home')).toBe(before);
});

test('a folder is created for its user only, and may already exist', async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, 'a/b');
  expect(await ensureDirectory(path)).toBe(path);
  expect(await ensureDirectory(path)).toBe(path);
  expect((await stat(join(folder.path, 'a'))).mode & 0o777).toBe(0o700);
  expect((await stat(path)).mode & 0o777).toBe(0o700);
});

test('a file in place of a folder is an error that names it', async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, 'file');
  await writeFile(path, '');
  await expect(ensureDirectory(join(path, 'run'))).rejects.toMatchObject({
    code: 'daemon_start_failed',
    message: expect.stringContaining(`Cannot create the folder ${path}: a file with this name exists`) as string,
  });
});

test.runIf(canMount)('a read-only disk is an error that says what to do', async () => {
  await using disk = await smallDisk('read-only');
  await expect(ensureDirectory(join(disk.path, 'run'))).rejects.toMatchObject({
    code: 'daemon_start_failed',
    message: expect.stringContaining('the file system is read-only. Make it writable for your user, or set RBEE_HOME') as string,
  });
});

test.skipIf(process.getuid?.() === 0)('a folder of another user is an error that says what to do', async () => {
  await using folder = await forbiddenFolder();
  await expect(ensureDirectory(join(folder.path, 'run'))).rejects.toMatchObject({
    code: 'daemon_start_failed',
    message: expect.stringContaining('permission denied. Make it writable for your user, or set RBEE_HOME') as string,
  });
});
