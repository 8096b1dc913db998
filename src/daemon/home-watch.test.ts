import { mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { watchFolders } from './home-watch.ts';

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'rbee-watch-'));
  for (const folder of ['data', 'run']) mkdirSync(join(home, folder));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

/** Resolves with the folder that was found gone. */
async function goneAfter(harm: () => void): Promise<string> {
  return new Promise((resolve) => {
    void watchFolders([join(home, 'data'), join(home, 'run')], 5, resolve).then(harm);
  });
}

test.each<[string, () => void]>([
  ['deleted', () => rmSync(join(home, 'run'), { recursive: true })],
  ['deleted with all of its home', () => rmSync(home, { recursive: true })],
  ['moved', () => renameSync(join(home, 'run'), join(home, 'elsewhere'))],
  [
    'replaced by another folder of its name',
    () => {
      renameSync(join(home, 'run'), join(home, 'elsewhere'));
      mkdirSync(join(home, 'run'));
    },
  ],
])('a folder that is %s is noticed', async (_, harm) => {
  expect(['data', 'run'].map((name) => join(home, name))).toContain(await goneAfter(harm));
});
