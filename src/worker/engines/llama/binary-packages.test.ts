import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { importBinaries } from './binary-packages.ts';
import { ENGINE_VERSION } from './packages.ts';

/** Installed with rbee on this machine. */
const NAME = `@node-llama-cpp/${process.platform}-${process.arch}`;

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rbee-engine-'));
  vi.stubEnv('RBEE_ENGINE_DIR', folder);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true });
});

async function install(version: string): Promise<void> {
  const at = join(folder, 'node_modules', NAME);
  await mkdir(at, { recursive: true });
  await writeFile(join(at, 'package.json'), JSON.stringify({ name: NAME, version, type: 'module', exports: './index.js' }));
  await writeFile(join(at, 'index.js'), `export const getBinsDir = () => ({ binsDir: 'apart', packageVersion: '${version}' });`);
}

async function binsDir(): Promise<unknown> {
  const { getBinsDir } = (await importBinaries(NAME)) as { getBinsDir: () => { binsDir: string } };
  return getBinsDir().binsDir;
}

test('binaries in RBEE_ENGINE_DIR are used in place of those that were installed with rbee', async () => {
  await install(ENGINE_VERSION);
  expect(await binsDir()).toBe('apart');
});

test('binaries in RBEE_ENGINE_DIR of another version, which the library would refuse, are left alone', async () => {
  await install('3.0.0');
  expect(await binsDir()).toMatch(/node_modules/);
});
