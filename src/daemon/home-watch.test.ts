import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readPidfile } from './pidfile.ts';
import { pidfileKeeper, watchHome } from './home-watch.ts';

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'rbee-watch-'));
  for (const folder of ['data', 'run']) mkdirSync(join(home, folder));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

/** Resolves with the folder that was found gone. */
async function goneAfter(harm: () => void): Promise<string> {
  return new Promise((resolve) => {
    void watchHome({ folders: [join(home, 'data'), join(home, 'run')], everyMs: 5, onGone: resolve }).then(harm);
  });
}

test.each<[string, () => void]>([
  ['deleted', () => rmSync(join(home, 'run'), { recursive: true })],
  ['deleted with all of its home', () => rmSync(home, { recursive: true })],
  ['moved', () => renameSync(join(home, 'run'), join(home, 'elsewhere'))],
  [
    'replaced by another folder',
    () => {
      renameSync(join(home, 'run'), join(home, 'elsewhere'));
      mkdirSync(join(home, 'run'));
    },
  ],
])('a folder of the home that is %s is noticed', async (_, harm) => {
  expect(['data', 'run'].map((name) => join(home, name))).toContain(await goneAfter(harm));
});

test('a damaged or deleted pidfile is restored at the second check, and that of a successor stays', async () => {
  const run = join(home, 'run');
  const own = { role: 'queen', name: 'queen', host: '127.0.0.1', port: 1, version: '0.0.0' } as const;
  const look = pidfileKeeper(run, () => own);
  const file = join(run, 'queen.json');
  await look();
  expect(await readPidfile(run, 'queen')).toEqual({ kind: 'absent' });
  await look();
  const written = await readPidfile(run, 'queen');
  expect(written).toMatchObject({ kind: 'found', pidfile: { pid: process.pid } });
  writeFileSync(file, readFileSync(file, 'utf8').replace('"pid":', '"pix":'));
  await look();
  await look();
  expect(await readPidfile(run, 'queen')).toEqual(written);
  const successor = readFileSync(file, 'utf8').replace(`"pid":${process.pid}`, '"pid":1');
  writeFileSync(file, successor);
  await look();
  await look();
  expect(readFileSync(file, 'utf8')).toBe(successor);
});
