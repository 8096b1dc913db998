import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { BinaryTrials, endLoads } from './binary-trials.ts';

let home: string;
let binding: string;
let trials: number;

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'rbee-trials-'));
  await mkdir(join(home, 'bins'));
  await mkdir(join(home, 'run'));
  binding = join(home, 'bins', 'addon.node');
  await writeFile(binding, 'binary');
  trials = 0;
});

afterEach(async () => {
  await endLoads();
  vi.unstubAllEnvs();
  await rm(home, { recursive: true });
});

const folder = () => join(home, 'trials');

interface Load {
  gpu?: string | false;
  isGood?: boolean;
  extBackends?: string;
}

/** Loads a binary, as a new process does. @returns whether it was tried first */
async function load({ gpu = false, isGood = true, extBackends }: Load = {}): Promise<boolean> {
  const before = trials;
  const passed = await new BinaryTrials({ binaryTrials: folder(), run: join(home, 'run') }).passes(
    [binding, extBackends, gpu],
    async () => {
      trials += 1;
      return isGood;
    },
  );
  expect(passed).toBe(isGood);
  return trials > before;
}

const names = async (ending: string) => (await readdir(folder())).filter((name) => name.endsWith(ending));

test('a binary that passed a trial is not tried again, and its load leaves no marker', async () => {
  expect(await load()).toBe(true);
  expect(await load()).toBe(false);
  expect(await names('.loading')).toHaveLength(1);
  await endLoads();
  expect(await names('')).toEqual([expect.stringMatching(/^[0-9a-f]{16}\.passed$/)]);
});

test('a binary that failed its trial is tried at every load', async () => {
  expect(await load({ isGood: false })).toBe(true);
  expect(await load({ isGood: false })).toBe(true);
  expect(await load()).toBe(true);
});

test.each<[change: string, apply: () => Promise<unknown>]>([
  ['its bytes', () => writeFile(binding, 'binarY')],
  ['its size', () => writeFile(binding, 'longer binary')],
  ['its time of change', () => utimes(binding, new Date(0), new Date(0))],
  ['a library beside it', () => writeFile(join(home, 'bins', 'libggml.so'), 'new')],
  ['a variable of the driver', async () => vi.stubEnv('GGML_VK_VISIBLE_DEVICES', '7')],
])('a binary is tried again after a change of %s', async (_change, apply) => {
  await load();
  await apply();
  expect(await load()).toBe(true);
});

test('each kind of GPU has a trial of its own', async () => {
  await load();
  expect(await load({ gpu: 'vulkan' })).toBe(true);
  expect(await load({ gpu: 'vulkan' })).toBe(false);
  expect(await load()).toBe(false);
});

test('after a process died while it loaded a binary, the next one tries that binary first', async () => {
  await load();
  const key = (await names('.passed'))[0]?.split('.')[0];
  // Linux gives no process this number.
  await writeFile(join(folder(), `${String(key)}.4194305.loading`), 'then');
  expect(await load(), 'the marker of a dead process').toBe(true);
  expect(await load(), 'the trial has passed').toBe(false);
});

test('a binary that another process is loading is not tried again', async () => {
  await load();
  await load();
  expect(await names('.loading')).toHaveLength(1);
  expect(await load()).toBe(false);
});

test('without a folder for records, every load of a binary starts with a trial', async () => {
  await writeFile(folder(), 'a file in the place of the folder');
  expect(await load()).toBe(true);
  expect(await load()).toBe(true);
});

test('a binary whose files cannot be listed is tried at every load, and nothing is recorded', async () => {
  const extBackends = join(home, 'bins', 'of another release');
  expect(await load({ extBackends })).toBe(true);
  expect(await load({ extBackends })).toBe(true);
  await expect(readdir(folder())).rejects.toMatchObject({ code: 'ENOENT' });
});

test('a load does not fail because its marker can no longer be removed', async () => {
  await load();
  expect(await load()).toBe(false);
  await rm(folder(), { recursive: true });
  await writeFile(folder(), 'a file in the place of the folder');
  await endLoads();
});

test('a deleted home is not created again by the record of a trial', async () => {
  await rm(join(home, 'run'), { recursive: true });
  await load();
  await expect(readdir(folder())).rejects.toMatchObject({ code: 'ENOENT' });
});

test('records of trials are deleted after a month', async () => {
  await load();
  const [old = ''] = await names('.passed');
  const longAgo = new Date(Date.now() - 31 * 24 * 3_600_000);
  await utimes(join(folder(), old), longAgo, longAgo);
  await load({ gpu: 'cuda' });
  expect(await names('.passed')).not.toContain(old);
});
