import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { JobError } from '../../contract/index.ts';
import { narrate } from '../../narration/index.ts';
import { gpuPackages } from '../../worker/engine-packages.ts';
import { engineClosure, type PlacedPackage, type WantedPackage } from './closure.ts';
import { filesIn, type KitFile } from './contents.ts';
import { fetchPackage } from './registry.ts';
import type { Target } from './target.ts';

/** The source of kits, and their cache. */
export interface KitSource {
  packageRoot: string;
  cache: string;
}

type Fetch = (one: WantedPackage) => Promise<PlacedPackage>;

/**
 * The engine's packages; those for other kinds of machines are downloaded with npm. If the packages for a GPU cannot be downloaded, they
 * are left out, and the machine uses its CPU.
 * @throws JobError kit_failed; the signal's reason
 */
export async function engineFiles(target: Target, source: KitSource, signal: AbortSignal): Promise<KitFile[]> {
  const { here, wanted } = engineClosure(source.packageRoot, target);
  const fetch: Fetch = async (one) => {
    const integrity = lockedIntegrity(source.packageRoot, one);
    return { folder: await fetchPackage({ ...one, integrity }, { cache: source.cache, signal }), place: one.place };
  };
  const ofGpus = target.gpus.map((engine) => ({ engine, names: gpuPackages(target, engine) }));
  const isForGpu = (name: string) => ofGpus.some(({ names }) => names.includes(name));
  const fetched = await Promise.all([
    Promise.all(wanted.filter(({ name }) => !isForGpu(name)).map(fetch)),
    ...ofGpus.map(async ({ engine, names }) => {
      try {
        return await Promise.all(wanted.filter(({ name }) => names.includes(name)).map(fetch));
      } catch (cause) {
        signal.throwIfAborted();
        if (!(cause instanceof JobError) || cause.code !== 'kit_failed') throw cause;
        narrate('kit_fetch', `the ${engine} engine is left out, so the GPU will not be used: ${cause.message}`);
        return [];
      }
    }),
  ]);
  const lists = await Promise.all([...here, ...fetched.flat()].map(({ folder, place }) => filesIn(folder, place)));
  return lists.flat();
}

/** A clone has a lock file; an installed npm package has none. */
function lockedIntegrity(packageRoot: string, { name, version }: WantedPackage): string | undefined {
  const file = join(packageRoot, 'package-lock.json');
  if (!existsSync(file)) return undefined;
  const lock = JSON.parse(readFileSync(file, 'utf8')) as {
    packages?: Record<string, { version?: string; integrity?: string } | undefined>;
  };
  const locked = lock.packages?.[`node_modules/${name}`];
  return locked?.version === version ? locked.integrity : undefined;
}
