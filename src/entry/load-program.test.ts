import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';

const run = promisify(execFile);

let folder: string;
let home: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rbee-program-'));
  await build({
    entryPoints: [join(import.meta.dirname, 'load-program.ts')],
    outfile: join(folder, 'load-program.js'),
    bundle: true,
    format: 'cjs',
    platform: 'node',
  });
  await writeFile(join(folder, 'package.json'), '{"type":"commonjs"}');
  await writeFile(
    join(folder, 'start.js'),
    'const [command] = process.argv.slice(2); require("./load-program.js").loadProgram(require("node:path").join(__dirname, "program.js"), command).run([command]);',
  );
  const program = `exports.run = async ([command]) => {
  await null;
  if (command === "fail") throw new RangeError("from the program");
  console.log(command, require("node:path").basename(__filename));
};`;
  await writeFile(join(folder, 'program.js'), program);
});
beforeEach(async () => {
  home = await mkdtemp(join(folder, 'home-'));
  await mkdir(join(home, 'state'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const start = (command: string, env = {}) =>
  run(process.execPath, [join(folder, 'start.js'), command], { env: { RBEE_HOME: home, ...env } });
const expected = (command: string) => ({ stdout: `${command} program.js\n`, stderr: '' });

async function entries(): Promise<{ name: string; changed: number; ino: number }[]> {
  const code = join(home, 'cache', 'code');
  const names = await readdir(code).catch(() => []);
  return Promise.all(
    names.map(async (name) => {
      const { mtimeMs, ino } = await stat(join(code, name));
      return { name, changed: mtimeMs, ino };
    }),
  );
}

test('a program runs alike with and without the compiled code of an earlier process, which is written once a command', async () => {
  expect(await start('one')).toEqual(expected('one'));
  const first = await entries();
  expect(first).toHaveLength(1);
  expect(await start('one')).toEqual(expected('one'));
  expect(await entries(), 'V8 accepted it').toEqual(first);
  expect(await start('two')).toEqual(expected('two'));
  const second = await entries();
  expect(second).not.toEqual(first);
  for (const command of ['one', 'two']) expect(await start(command)).toEqual(expected(command));
  expect(await entries()).toEqual(second);
});

test('compiled code that V8 rejects is replaced', async () => {
  await start('one');
  const [{ name = '' } = {}] = await entries();
  const file = join(home, 'cache', 'code', name);
  const { placeOf, readCode, writeCode } = await import('./code-cache.ts');
  const { key } = JSON.parse((await readFile(file, 'latin1')).slice(32).split('\n')[0] ?? '') as { key: string };
  const before = readCode({ file, key });
  expect(before?.commands).toEqual(['one']);
  writeCode({ file, key }, { data: Buffer.from('nothing that V8 knows'), commands: ['one'] });
  expect(await start('one')).toEqual(expected('one'));
  expect(readCode({ file, key })?.data.length).toBe(before?.data.length);
  expect(placeOf('program', Buffer.from(''), '/').file).not.toBe(file);
});

test('a command that fails stores nothing, and its stack names the file and the line', async () => {
  const failed = await start('fail').catch((error: unknown) => error as { stderr: string; code: number });
  expect(failed).toMatchObject({ code: 1 });
  expect(failed.stderr).toContain('RangeError: from the program');
  expect(failed.stderr).toContain(`${join(folder, 'program.js')}:3:`);
  expect(await entries()).toEqual([]);
});

test('of many processes that start at once, each runs, and one entry is left', async () => {
  const all = await Promise.all(Array.from({ length: 8 }, () => start('one')));
  expect(all).toEqual(all.map(() => expected('one')));
  expect((await entries()).map(({ name }) => name)).toEqual([expect.stringMatching(/^program-[0-9a-f]{16}$/)]);
});

test('no home is created', async () => {
  await rm(home, { recursive: true });
  expect(await start('one')).toEqual(expected('one'));
  await expect(mkdir(home)).resolves.toBeUndefined();
});

test('a home that cannot be written changes nothing', async () => {
  await mkdir(join(home, 'cache'));
  await writeFile(join(home, 'cache', 'code'), 'a file');
  expect(await start('one')).toEqual(expected('one'));
  expect(await start('one', { RBEE_HOME: '/dev/null/no' })).toEqual(expected('one'));
});
