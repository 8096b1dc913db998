import { readdir } from 'node:fs/promises';
import { basename } from 'node:path';
import { gpuTrialsFile, graphicsCards, homePaths, nvidiaGpus, readGpuTrials, vulkanDrivers } from '../../daemon/index.ts';
import {
  canUse,
  findEngine,
  installCommand,
  packagesFor,
  type GpuEngine,
  type InstalledEngine,
} from '../../worker/engine-packages.ts';
import { surviving, unwell, well, type Check } from './check.ts';

export async function checkEngine(): Promise<Check[]> {
  const found = findEngine();
  return Promise.all([
    surviving('engine', async () => engineCheck(await found)),
    surviving('gpu', async () => gpuCheck(await found)),
  ]);
}

function engineCheck({ name, folder, binaries }: InstalledEngine): Check {
  const kinds = binaries.map((binary) => basename(binary));
  if (kinds.length > 0) return well('engine', `${name} (${kinds.join(', ')}) in ${folder}`);
  return unwell(
    'engine',
    `${name} has no binary for ${process.platform} ${process.arch} in ${folder}`,
    installCommand(packagesFor('cpu')),
  );
}

async function gpuCheck(engine: InstalledEngine): Promise<Check> {
  const nvidia = await nvidiaGpu();
  if (nvidia !== undefined && !canUse(engine, 'cuda')) return withoutEngine(nvidia, 'cuda');
  const cards = (await graphicsCards()).map(({ name }) => name).join(', ');
  if (cards !== '' && !canUse(engine, 'vulkan')) return withoutEngine(cards, 'vulkan');
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
  return well('gpu', gpus === '' ? 'none found; models run on the CPU' : gpus);
}

function withoutEngine(gpu: string, kind: GpuEngine): Check {
  const packages = packagesFor(kind);
  if (packages.length === 0) return well('gpu', `${gpu}, for which there is no engine on ${process.arch}; models run on the CPU`);
  return unwell('gpu', `${gpu}, but the engine for it is not installed`, installCommand(packages));
}

/** Its name, or 'an NVIDIA GPU' where only the driver is seen; undefined where there is none. */
async function nvidiaGpu(): Promise<string | undefined> {
  const names = (await nvidiaGpus()).map(({ name }) => name).join(', ');
  if (names !== '') return names;
  const devices = await readdir('/proc/driver/nvidia/gpus').catch(() => []);
  return devices.length === 0 ? undefined : 'an NVIDIA GPU';
}
