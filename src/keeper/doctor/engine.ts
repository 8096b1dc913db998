import { readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as z from 'zod';
import manifest from '../../../package.json' with { type: 'json' };
import { gpuTrialsFile, graphicsCards, homePaths, nvidiaGpus, readGpuTrials, vulkanDrivers } from '../../daemon/index.ts';
import { surviving, unwell, well, type Check } from './check.ts';

const ENGINE = 'node-llama-cpp';

const enginePackage = z.object({
  name: z.string(),
  version: z.string(),
  optionalDependencies: z.record(z.string(), z.string()).default({}),
});
type Package = z.output<typeof enginePackage>;

/** The engine that a worker would load, and its binaries for this machine. */
interface Engine {
  version: string;
  folder: string;
  /** Such as 'linux-x64' and 'linux-x64-cuda'. */
  binaries: string[];
}

export async function checkEngine(): Promise<Check[]> {
  const found = findEngine();
  return Promise.all([
    surviving('engine', async () => engineCheck(await found)),
    surviving('gpu', async () => gpuCheck(await found)),
  ]);
}

function engineCheck(engine: Engine | undefined): Check {
  if (engine === undefined) return unwell('engine', `${ENGINE} is not installed`, installCommand());
  const { version, folder, binaries } = engine;
  if (binaries.length > 0) return well('engine', `${ENGINE} ${version} (${binaries.join(', ')}) in ${folder}`);
  const says = `${ENGINE} ${version} in ${folder} has no binary for ${process.platform} ${process.arch}`;
  return unwell('engine', says, installCommand());
}

async function gpuCheck(engine: Engine | undefined): Promise<Check> {
  const has = (kind: string) => engine?.binaries.some((binary) => binary.includes(kind)) === true;
  const nvidia = await nvidiaGpu();
  if (nvidia !== undefined && !has('cuda')) return withoutEngine(nvidia);
  const cards = (await graphicsCards()).map(({ name }) => name).join(', ');
  if (cards !== '' && !has('vulkan')) return withoutEngine(cards);
  const gpus = [nvidia ?? '', cards].filter((gpu) => gpu !== '').join(', ');
  if (cards !== '' && !(await vulkanDrivers()).some((file) => file.endsWith('.json'))) {
    return unwell('gpu', `${gpus}, but no Vulkan driver is installed`, 'install one: apt install mesa-vulkan-drivers, on Debian');
  }
  const failed = Object.entries(await readGpuTrials(gpuTrialsFile(homePaths().data))).find(([, { problem }]) => problem);
  if (gpus !== '' && failed !== undefined) {
    const [device, { gpu, problem }] = failed;
    const fix = 'update the driver of the GPU, then: rbee hive stop localhost && rbee hive start localhost';
    return unwell('gpu', `${device}, ${gpu}: ${problem}`, fix);
  }
  return well('gpu', gpus === '' ? 'none seen; the CPU computes' : gpus);
}

function withoutEngine(gpu: string): Check {
  return unwell('gpu', `${gpu}, but the engine for it is not installed`, installCommand());
}

/** The default install leaves out the binaries that only some machines need: 600 MB. */
function installCommand(): string {
  return `npm install --prefix ${join(homePaths().data, 'engine')} ${ENGINE}@${manifest.dependencies[ENGINE]}`;
}

/** In the order in which a worker looks: RBEE_ENGINE_DIR, the engine installed for this machine, the one that ships with rbee. */
async function findEngine(): Promise<Engine | undefined> {
  const chosen = process.env['RBEE_ENGINE_DIR'];
  const starts = [...(chosen ? [chosen] : []), join(homePaths().data, 'engine'), dirname(fileURLToPath(import.meta.url))];
  for (const start of starts) {
    const found = await findPackage(ENGINE, start);
    if (found === undefined) continue;
    const names = Object.keys(found.manifest.optionalDependencies).filter(isForThisMachine);
    const binaries = await Promise.all(names.map((name) => findPackage(name, found.folder)));
    // A package that was left out on purpose may be replaced by an empty one with another name.
    const real = names.filter((name, at) => binaries[at]?.manifest.name === name);
    return {
      version: found.manifest.version,
      folder: found.folder,
      binaries: real.map((name) => name.replace(/^.*\//, '')),
    };
  }
  return undefined;
}

/** '@node-llama-cpp/linux-x64-cuda' on linux x64. */
function isForThisMachine(name: string): boolean {
  const platforms: Partial<Record<NodeJS.Platform, string>> = { darwin: 'mac', win32: 'win' };
  const arches: Partial<Record<NodeJS.Architecture, string>> = { arm: 'armv7l' };
  const machine = `${platforms[process.platform] ?? process.platform}-${arches[process.arch] ?? process.arch}`;
  return new RegExp(`/${machine}(-|$)`).test(name);
}

/** As Node finds packages: in the node_modules of the folder and of all above it. */
async function findPackage(name: string, start: string): Promise<{ folder: string; manifest: Package } | undefined> {
  for (let at = start; ; at = dirname(at)) {
    const folder = join(at, 'node_modules', name);
    const text = await readFile(join(folder, 'package.json'), 'utf8').catch(() => undefined);
    const parsed = text === undefined ? undefined : enginePackage.safeParse(JSON.parse(text));
    if (parsed?.success) return { folder, manifest: parsed.data };
    if (dirname(at) === at) return undefined;
  }
}

/** Its name, or 'an NVIDIA GPU' where only the driver is seen; undefined where there is none. */
async function nvidiaGpu(): Promise<string | undefined> {
  const names = (await nvidiaGpus()).map(({ name }) => name).join(', ');
  if (names !== '') return names;
  const devices = await readdir('/proc/driver/nvidia/gpus').catch(() => []);
  return devices.length === 0 ? undefined : 'an NVIDIA GPU';
}
