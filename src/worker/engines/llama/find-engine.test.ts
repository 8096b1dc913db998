import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { canUse, findEngine, packagesFor } from './find-engine.ts';
import { cpuPackage, ENGINE_VERSION } from './packages.ts';

const [OWN = ''] = packagesFor('cpu');
/** Only x64 has builds for GPUs. */
const [CUDA] = packagesFor('cuda');

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

test('the binary that was installed with rbee is found', async () => {
  const { name, binaries } = await findEngine();
  expect(name).toBe(`node-llama-cpp ${ENGINE_VERSION}`);
  expect(binaries).toContain(OWN);
});

test.skipIf(CUDA === undefined)('a binary in the folder for this machine is found beside those of rbee', async () => {
  await install(CUDA ?? '', ENGINE_VERSION);
  const engine = await findEngine();
  expect(engine).toMatchObject({ folder, binaries: [OWN, CUDA] });
  expect([canUse(engine, 'cuda'), canUse(engine, 'vulkan')]).toEqual([true, false]);
});

test.skipIf(CUDA === undefined)('a binary of another version does not count, because the library refuses it', async () => {
  await install(CUDA ?? '', '3.0.0');
  const engine = await findEngine();
  expect(engine.binaries).toEqual([OWN]);
  expect(canUse(engine, 'cuda')).toBe(false);
});

test('the binaries of a whole library have its version, and those of rbee do not count', async () => {
  await install('node-llama-cpp', '3.0.0');
  await install(OWN, '3.0.0');
  expect(await findEngine()).toEqual({ name: 'node-llama-cpp 3.0.0', folder, binaries: [OWN] });
});

test('a damaged package is one that is not there', async () => {
  await install(OWN, ENGINE_VERSION);
  await writeFile(join(folder, 'node_modules', OWN, 'package.json'), '{');
  expect((await findEngine()).folder).not.toBe(folder);
});

test.each([
  [{ os: 'linux', arch: 'arm' }, '@node-llama-cpp/linux-armv7l'],
  [{ os: 'darwin', arch: 'arm64' }, '@node-llama-cpp/mac-arm64-metal'],
] as const)('the package of %j is %s', (machine, name) => {
  expect(cpuPackage(machine)).toBe(name);
});
