import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { JobError } from '../../contract/index.ts';
import { deleteUnused } from './cache.ts';
import { fileAt, filesIn, type KitFile } from './contents.ts';
import { engineFiles, type KitSource } from './engine-files.ts';
import { makeLayer, packingMeter, type Layer } from './layer.ts';
import { readPackage } from './package-root.ts';
import { packagesIn } from './registry.ts';
import { runtimeFile } from './runtime.ts';
import { nativePackages, targetName, type Target } from './target.ts';

export const layerNames = ['runtime', 'engine', 'rbee'] as const;
export type LayerName = (typeof layerNames)[number];

/** Everything that a hive consists of, for one kind of machine. */
export interface Kit {
  version: string;
  target: Target;
  /** Names the version's folder there: '0.1.0-0a1b2c3d4e5f'. */
  folder: string;
  layers: Record<LayerName, Layer>;
}

/**
 * The kit of this rbee version, from the cache where possible. Of its three layers, an upgrade of rbee changes only the small one.
 * @throws JobError machine_unsupported, kit_failed, disk_full
 */
export async function makeKit(target: Target, source: KitSource, signal: AbortSignal): Promise<Kit> {
  const { packageRoot, cache } = source;
  // Throws before anything is downloaded.
  nativePackages(target);
  if (!existsSync(join(packageRoot, 'dist', 'rbee.js')))
    throw new JobError('kit_failed', `There is no dist/rbee.js in ${packageRoot}: build rbee, or install it again`);
  const kits = join(cache, 'kits');
  const meter = packingMeter();
  const pack = (name: LayerName, files: readonly KitFile[]) =>
    makeLayer({ name: name === 'rbee' ? name : `${name}-${targetName(target)}`, files, cache: kits, signal, meter });
  const fetching = { cache, signal };
  const [runtime, engine, rbee] = await Promise.all([
    runtimeFile(target, fetching).then(async (file) =>
      pack('runtime', [{ ...(await fileAt(file, 'node')), isExecutable: true }]),
    ),
    engineFiles(target, source, signal).then((files) => pack('engine', files)),
    rbeeFiles(packageRoot).then((files) => pack('rbee', files)),
  ]);
  await deleteUnused([kits, packagesIn(cache)]);
  const { version } = readPackage(packageRoot);
  const digest = createHash('sha256').update([runtime, engine, rbee].map((layer) => layer.digest).join('\n'));
  return { version, target, folder: `${version}-${digest.digest('hex').slice(0, 12)}`, layers: { runtime, engine, rbee } };
}

async function rbeeFiles(packageRoot: string): Promise<KitFile[]> {
  const [dist, models] = await Promise.all(['dist', 'models'].map((name) => filesIn(join(packageRoot, name), name)));
  return [...(dist ?? []), ...(models ?? []), await fileAt(join(packageRoot, 'package.json'), 'package.json')];
}
