import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as z from 'zod';
import { parseJson } from '../../../contract/index.ts';
import { homePaths } from '../../../daemon/index.ts';
import { BINARIES_SCOPE, cpuPackage, ENGINE_VERSION, gpuPackages, LIBRARY, type GpuEngine } from './packages.ts';

/** The engine that a worker would load, and its binaries for this machine. */
export interface InstalledEngine {
  /** The library and its version: 'node-llama-cpp 3.21.1'. */
  name: string;
  folder: string;
  /** The names of their packages. */
  binaries: string[];
}

const packageJson = z.object({ name: z.string(), version: z.string() });
type PackageJson = z.output<typeof packageJson>;

/** Looks where a worker looks: in RBEE_ENGINE_DIR, or what was installed for this machine, then beside rbee. */
export async function findEngine(): Promise<InstalledEngine> {
  const own = dirname(fileURLToPath(import.meta.url));
  const apart = engineDir();
  // A whole library is used in place of rbee's own, with its binaries only.
  const whole = apart === undefined ? undefined : await readPackage(join(apart, 'node_modules', LIBRARY));
  const version = whole?.version ?? ENGINE_VERSION;
  const starts = whole === undefined ? [apart ?? [], own].flat() : [apart ?? []].flat();
  const found = await Promise.all(starts.map((start) => binariesFrom(start, version)));
  const [folder = own] = found.flatMap((each) => each?.folder ?? []);
  const binaries = [...new Set(found.flatMap((each) => each?.binaries ?? []))].toSorted();
  return { name: `${LIBRARY} ${version}`, folder, binaries };
}

/** Whether the engine can compute on such GPUs of this machine. Packages for GPUs are not part of the default install. */
export function canUse({ binaries }: Pick<InstalledEngine, 'binaries'>, engine: GpuEngine): boolean {
  const [needed] = packagesFor(engine);
  return needed !== undefined && binaries.includes(needed);
}

/** The folder whose engine workers load in place of the one that came with rbee: RBEE_ENGINE_DIR, or what was installed for this machine. */
export function engineDir(): string | undefined {
  const chosen = process.env['RBEE_ENGINE_DIR'];
  if (chosen !== undefined && chosen !== '') return chosen;
  const installed = ownFolder();
  // The packages with its binaries, or the whole of it.
  const has = (name: string) => existsSync(join(installed, 'node_modules', name));
  return has(BINARIES_SCOPE) || has(LIBRARY) ? installed : undefined;
}

/** The engine's packages for this machine: for its CPU, or for its GPUs. Empty where there is no build for them. */
export function packagesFor(engine: 'cpu' | GpuEngine): readonly string[] {
  const machine = { os: process.platform, arch: process.arch };
  return engine === 'cpu' ? [cpuPackage(machine)] : gpuPackages(machine, engine);
}

export function installCommand(packages: readonly string[]): string {
  return `npm install --prefix ${ownFolder()} ${packages.map((name) => `${name}@${ENGINE_VERSION}`).join(' ')}`;
}

function ownFolder(): string {
  return join(homePaths().data, 'engine');
}

/** As Node finds packages: in the node_modules of the folder and of all above it. Undefined where none is for this machine. */
async function binariesFrom(start: string, version: string): Promise<Pick<InstalledEngine, 'folder' | 'binaries'> | undefined> {
  const names = (['cpu', 'cuda', 'vulkan'] as const).flatMap(packagesFor);
  for (let at = start; ; at = dirname(at)) {
    const packages = await Promise.all(names.map((name) => readPackage(join(at, 'node_modules', name))));
    // One that was left out on purpose may be replaced by an empty package of another name. The library refuses other versions.
    const isUsable = (name: string, found: PackageJson | undefined) => found?.name === name && found.version === version;
    const binaries = names.filter((name, index) => isUsable(name, packages[index]));
    if (binaries.length > 0) return { folder: at, binaries };
    if (dirname(at) === at) return undefined;
  }
}

async function readPackage(folder: string): Promise<PackageJson | undefined> {
  const text = await readFile(join(folder, 'package.json'), 'utf8').catch(() => '');
  return packageJson.safeParse(parseJson(text)).data;
}
