import { existsSync } from 'node:fs';
import { link, mkdir, mkdtemp, readdir, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { done } from './done.ts';
import { until } from './until.ts';

const packageRoot = fileURLToPath(new URL('../..', import.meta.url));

/** One folder for the kits of all test files: packing one takes longer than most tests. Its name is in the environment. */
export default async function kitCache(): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), 'rbee-test-kits-'));
  process.env['TEST_KITS'] = folder;
  return () => rm(folder, { recursive: true, force: true });
}

export type LargeLayer = 'runtime' | 'engine';

export function kitFolder(): string {
  const folder = process.env['TEST_KITS'];
  if (folder === undefined) throw new Error('the kits of all test files are in the folder that the global setup of vitest makes');
  return folder;
}

interface PutLayers {
  /** A layer that is left out. */
  lacks?: LargeLayer | undefined;
  /** Its processes see this machine's files: what they compile is stored for the tests after this one. */
  isHere?: boolean;
}

/**
 * Puts Node and the engine onto a machine, as an install leaves them there: the next install sends only rbee itself. To send and unpack
 * them is most of what an install costs. With them comes the compiled code of earlier hives.
 * @param home its home folder, on this machine
 */
export async function putLayers(home: string, { lacks, isHere = false }: PutLayers = {}): Promise<void> {
  const made = await unpackedLayers();
  const layers = join(home, '.rbee', 'layers');
  await mkdir(layers, { recursive: true, mode: 0o700 });
  const isOneDisk = (await stat(made)).dev === (await stat(home)).dev;
  for (const name of await readdir(made)) {
    if (name === lacks) continue;
    const [digest = ''] = await readdir(join(made, name));
    // Its large files are linked, not copied, where that is possible.
    await done('cp', [isOneDisk ? '-al' : '-a', join(made, name, digest), join(layers, digest)]);
  }
  await putCode(join(home, '.rbee/home'), isHere);
}

async function putCode(rbeeHome: string, isHere: boolean): Promise<void> {
  await mkdir(rbeeHome, { recursive: true, mode: 0o700 });
  if (isHere) return symlink(kitFolder(), join(rbeeHome, 'cache'));
  const from = join(kitFolder(), 'code');
  const to = join(rbeeHome, 'cache/code');
  await mkdir(to, { recursive: true, mode: 0o700 });
  for (const name of existsSync(from) ? await readdir(from) : []) {
    // Another process may replace it meanwhile.
    if (!name.endsWith('.tmp')) await link(join(from, name), join(to, name)).catch(() => undefined);
  }
}

/** The kit for this machine is packed and its large layers are unpacked, by the first test file that needs them. @returns their folder */
export async function unpackedLayers(): Promise<string> {
  const layers = join(kitFolder(), 'layers');
  if (existsSync(layers)) return layers;
  const unfinished = `${layers}.new`;
  try {
    await mkdir(unfinished);
  } catch {
    await until(() => existsSync(layers));
    return layers;
  }
  const { makeKit, ownTarget } = await import('../../src/machines/kit/index.ts');
  const kit = await makeKit(ownTarget(), { packageRoot, cache: kitFolder() }, AbortSignal.timeout(200_000));
  for (const name of ['runtime', 'engine'] satisfies LargeLayer[]) {
    const { digest, path } = kit.layers[name];
    const place = join(unfinished, name, digest);
    await mkdir(place, { recursive: true });
    await done('tar', ['-xzf', path, '-C', place]);
    await writeFile(join(place, '.verified'), '');
  }
  await rename(unfinished, layers);
  return layers;
}
