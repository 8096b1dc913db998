import { existsSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { gpuPackages } from '../../worker/engine-packages.ts';
import { nativePackages, type Target } from './target.ts';
import { readPackage, type PackageJson } from './package-root.ts';

/** A package, and its place in the kit: 'node_modules/ora', 'node_modules/ora/node_modules/chalk'. */
export interface PlacedPackage {
  folder: string;
  place: string;
}

/** A package that must be downloaded, because it is for another kind of machine than this one. */
export interface WantedPackage {
  name: string;
  version: string;
  place: string;
}

export interface Closure {
  here: PlacedPackage[];
  wanted: WantedPackage[];
}

/**
 * The packages that rbee needs at run time, with their dependencies. They are found as Node finds them, beside rbee or above it, and placed
 * in the kit so that each package finds the same dependencies as here.
 */
export function engineClosure(packageRoot: string, target: Target): Closure {
  const natives = nativePackages(target);
  const isNative = new Set(Object.keys(natives));
  const closure: Closure = { here: [], wanted: [] };
  const places = new Map<string, string>();
  const queue: PlacedPackage[] = [{ folder: realpathSync(packageRoot), place: '' }];
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
    const self = readPackage(next.folder);
    const native = natives[self.name];
    for (const name of dependenciesOf(self)) {
      // Of the native packages, one for each kind of machine, only the target's is added, below.
      if (isNative.has(self.name) && isOptional(self, name)) continue;
      const folder = findPackage(name, next.folder);
      if (folder === undefined || !fits(readPackage(folder), target)) continue;
      const place = placeOf(name, { folder, requirer: next.place, places });
      if (place === undefined) continue;
      const placed = { folder, place };
      closure.here.push(placed);
      queue.push(placed);
    }
    if (native === undefined) continue;
    const version = self.optionalDependencies?.[native];
    // The engine's GPU packages have the same version as its CPU package.
    const forGpus = self.name === 'rbee' ? target.gpus.flatMap((engine) => gpuPackages(target, engine)) : [];
    for (const name of [native, ...forGpus]) addNative(closure, { name, version }, next.folder);
  }
  return closure;
}

function dependenciesOf({
  dependencies,
  optionalDependencies,
  peerDependencies,
  peerDependenciesMeta,
}: PackageJson): Set<string> {
  const peers = Object.keys(peerDependencies ?? {}).filter((name) => peerDependenciesMeta?.[name]?.optional !== true);
  return new Set([...Object.keys(dependencies ?? {}), ...Object.keys(optionalDependencies ?? {}), ...peers]);
}

function isOptional({ optionalDependencies }: PackageJson, name: string): boolean {
  return optionalDependencies?.[name] !== undefined;
}

/** Node's resolution: node_modules of the folder, and of each parent. */
function findPackage(name: string, from: string): string | undefined {
  for (let folder = from; ; folder = dirname(folder)) {
    const candidate = join(folder, 'node_modules', name);
    if (existsSync(join(candidate, 'package.json'))) return realpathSync(candidate);
    if (dirname(folder) === folder) return undefined;
  }
}

function fits({ os, cpu }: PackageJson, target: Target): boolean {
  return (os === undefined || os.includes(target.os)) && (cpu === undefined || cpu.includes(target.arch));
}

interface Placing {
  folder: string;
  /** The place of the package that requires it; '' is rbee itself. */
  requirer: string;
  /** Places in use, with the folder of their package. */
  places: Map<string, string>;
}

/** The highest place that another version does not use. Undefined where the requirer already finds the package. */
function placeOf(name: string, { folder, requirer, places }: Placing): string | undefined {
  for (let level: string | undefined = requirer; level !== undefined; level = levelAbove(level)) {
    const found = places.get(inside(level, name));
    if (found === folder) return undefined;
    if (found !== undefined) return put(inside(requirer, name), folder, places);
  }
  return put(inside('', name), folder, places);
}

function put(place: string, folder: string, places: Map<string, string>): string {
  places.set(place, folder);
  return place;
}

function inside(level: string, name: string): string {
  return level === '' ? `node_modules/${name}` : `${level}/node_modules/${name}`;
}

function levelAbove(level: string): string | undefined {
  const at = level.lastIndexOf('/node_modules/');
  return level === '' ? undefined : at < 0 ? '' : level.slice(0, at);
}

function addNative(closure: Closure, { name, version }: { name: string; version: string | undefined }, from: string): void {
  if (version === undefined) return;
  const place = inside('', name);
  const folder = findPackage(name, from);
  const found = folder === undefined ? undefined : readPackage(folder);
  // The name is compared too: an npm override may have installed an empty package.
  if (folder !== undefined && found?.name === name && found.version === version) closure.here.push({ folder, place });
  else closure.wanted.push({ name, version, place });
}
