import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { checkDamaged } from './damaged.ts';

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'rbee-doctor-'));
  vi.stubEnv('RBEE_HOME', home);
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(home, { recursive: true });
});

test('doctor finds no damaged files in a healthy home', async () => {
  expect(await checkDamaged()).toMatchObject([{ name: 'damaged', state: 'ok' }]);
});

test('doctor names each damaged file, what it held and what to do, until the user deletes it', async () => {
  const folder = join(home, 'data', 'damaged');
  mkdirSync(folder, { recursive: true });
  const files = ['queen-events-job-1.ndjson', 'queen-hive_tokens-attic.json', 'hive-models-qwen3.json.2', 'queen-queen.db'];
  for (const file of files) writeFileSync(join(folder, file), '');
  const [check] = await checkDamaged();
  expect(check).toMatchObject({ state: 'wrong' });
  expect(check?.says).toContain(`4 things set aside in ${folder}`);
  for (const what of ['events of job-1', "the token of hive 'attic'", "the entry of model 'qwen3'", 'a catalog'])
    expect(check?.says).toContain(what);
  for (const next of [
    'repeat the request of job-1',
    'rbee hive install attic',
    '--name qwen3',
    'rbee hive list',
    `rm -r '${folder}'`,
  ])
    expect(check?.fix).toContain(next);
  rmSync(folder, { recursive: true });
  expect(await checkDamaged()).toMatchObject([{ state: 'ok' }]);
});
