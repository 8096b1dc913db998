import { readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as z from 'zod';
import { ENGINE_VERSION, homePaths } from '../../daemon/index.ts';

/** The engine that a worker would load, and its binaries for this machine. */
export interface Engine {
  version: string;
  folder: string;
  /** Such as 'linux-x64' and 'linux-x64-cuda'. */
  binaries: string[];
}

const packageJson = z.object({ name: z.string(), version: z.string() });
type PackageJson = z.output<typeof packageJson>;

/** Looks where a worker looks: in RBEE_ENGINE_DIR, or what was installed for this machine, then beside rbee. */
export async function findEngine(): Promise<Engine> {
  const own = dirname(fileURLToPath(import.meta.url));
  const apart = process.env['RBEE_ENGINE_DIR'] || join(homePaths().data, 'engine');
  // A whole library is used in place of rbee's own, with its binaries only.
  const whole = await readPackage(join(apart, 'node_modules', 'node-llama-cpp'));
  const version = whole?.version ?? ENGINE_VERSION;
  const starts = whole === undefined ? [apart, own] : [apart];
  const found = await Promise.all(starts.map((start) => binariesFrom(start, version)));
  const [folder = own] = found.flatMap((each) => each?.folder ?? []);
  const binaries = [...new Set(found.flatMap((each) => each?.binaries ?? []))].toSorted();
  return { version, folder, binaries };
}

/** @param kinds of binaries for this machine: '' for the CPU, such as 'cuda' for GPUs */
export function installCommand(kinds: readonly string[]): string {
  const packages = kinds.map((kind) => `@node-llama-cpp/${[machine(), kind].filter(Boolean).join('-')}@${ENGINE_VERSION}`);
  return `npm install --prefix ${join(homePaths().data, 'engine')} ${packages.join(' ')}`;
}

/** As Node finds packages: in the node_modules of the folder and of all above it. Undefined where none is for this machine. */
async function binariesFrom(start: string, version: string): Promise<Pick<Engine, 'folder' | 'binaries'> | undefined> {
  for (let at = start; ; at = dirname(at)) {
    const folder = join(at, 'node_modules', '@node-llama-cpp');
    const names = (await readdir(folder).catch(() => [])).filter((name) => new RegExp(`^${machine()}(-|$)`).test(name));
    const packages = await Promise.all(names.map((name) => readPackage(join(folder, name))));
    // One that was left out on purpose may be replaced by an empty package of another name. The library refuses other versions.
    const isUsable = (name: string, found: PackageJson | undefined) =>
      found?.name === `@node-llama-cpp/${name}` && found.version === version;
    const binaries = names.filter((name, index) => isUsable(name, packages[index]));
    if (binaries.length > 0) return { folder: at, binaries };
    if (dirname(at) === at) return undefined;
  }
}

/** As the packages with binaries are named: 'linux-x64', 'mac-arm64'. */
function machine(): string {
  const platforms: Partial<Record<NodeJS.Platform, string>> = { darwin: 'mac', win32: 'win' };
  const arches: Partial<Record<NodeJS.Architecture, string>> = { arm: 'armv7l' };
  return `${platforms[process.platform] ?? process.platform}-${arches[process.arch] ?? process.arch}`;
}

async function readPackage(folder: string): Promise<PackageJson | undefined> {
  const text = await readFile(join(folder, 'package.json'), 'utf8').catch(() => undefined);
  return text === undefined ? undefined : packageJson.safeParse(JSON.parse(text)).data;
}
