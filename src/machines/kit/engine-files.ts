import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { JobError } from '../../contract/index.ts';
import { narrate } from '../../narration/index.ts';
import { engineClosure, type PlacedPackage, type WantedPackage } from './closure.ts';
import { filesIn, type KitFile } from './contents.ts';
import { fetchPackage } from './registry.ts';
import { gpuPackages, type Target } from './target.ts';

/** What kits are made from, and where they are kept. */
export interface KitSource {
  packageRoot: string;
  cache: string;
}

type Fetch = (one: WantedPackage) => Promise<PlacedPackage>;

/**
 * The engine's packages, those of other kinds of machines fetched with npm. A kind of GPU whose packages are not to be had
 * does without: a machine still has a CPU.
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
        narrate('kit_fetch', `the engine for ${engine} is left out, and such a GPU is not used: ${cause.message}`);
        return [];
      }
    }),
  ]);
  const lists = await Promise.all([...here, ...fetched.flat()].map(({ folder, place }) => filesIn(folder, place)));
  return lists.flat();
}

/** A clone has a lock file; a package that npm installed has not. */
function lockedIntegrity(packageRoot: string, { name, version }: WantedPackage): string | undefined {
  const file = join(packageRoot, 'package-lock.json');
  if (!existsSync(file)) return undefined;
  const lock = JSON.parse(readFileSync(file, 'utf8')) as {
    packages?: Record<string, { version?: string; integrity?: string } | undefined>;
  };
  const locked = lock.packages?.[`node_modules/${name}`];
  return locked?.version === version ? locked.integrity : undefined;
}
