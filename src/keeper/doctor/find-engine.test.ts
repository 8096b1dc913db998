import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { ENGINE_VERSION } from '../../daemon/index.ts';
import { findEngine } from './find-engine.ts';

const CUDA = `${process.platform}-${process.arch}-cuda`;

let home: string;
let folder: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'rbee-engine-'));
  vi.stubEnv('RBEE_HOME', home);
  folder = join(home, 'data', 'engine');
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(home, { recursive: true });
});

async function install(name: string, version: string): Promise<void> {
  const at = join(folder, 'node_modules', name);
  await mkdir(at, { recursive: true });
  await writeFile(join(at, 'package.json'), JSON.stringify({ name, version }));
}

test('a binary of the version of rbee’s own library is found in the folder for this machine', async () => {
  await install(`@node-llama-cpp/${CUDA}`, ENGINE_VERSION);
  expect(await findEngine()).toMatchObject({
    version: ENGINE_VERSION,
    folder,
    binaries: expect.arrayContaining([CUDA]) as unknown,
  });
});

test('a binary of another version does not count, because the library refuses it', async () => {
  await install(`@node-llama-cpp/${CUDA}`, '3.0.0');
  expect((await findEngine()).binaries).not.toContain(CUDA);
});

test('the binaries of a whole library have its version', async () => {
  await install('node-llama-cpp', '3.0.0');
  await install(`@node-llama-cpp/${CUDA}`, '3.0.0');
  expect(await findEngine()).toEqual({ version: '3.0.0', folder, binaries: [CUDA] });
});
