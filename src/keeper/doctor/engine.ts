import { readdir } from 'node:fs/promises';
import { gpuTrialsFile, graphicsCards, homePaths, nvidiaGpus, readGpuTrials, vulkanDrivers } from '../../daemon/index.ts';
import { surviving, unwell, well, type Check } from './check.ts';
import { findEngine, installCommand, type Engine } from './find-engine.ts';

/** The packages for each kind of GPU, on x64: there are none for other machines. */
const GPU_PACKAGES = { cuda: ['cuda', 'cuda-ext'], vulkan: ['vulkan'] } as const;

export async function checkEngine(): Promise<Check[]> {
  const found = findEngine();
  return Promise.all([
    surviving('engine', async () => engineCheck(await found)),
    surviving('gpu', async () => gpuCheck(await found)),
  ]);
}

function engineCheck({ version, folder, binaries }: Engine): Check {
  if (binaries.length > 0) return well('engine', `node-llama-cpp ${version} (${binaries.join(', ')}) in ${folder}`);
  const says = `node-llama-cpp ${version} has no binary for ${process.platform} ${process.arch} in ${folder}`;
  return unwell('engine', says, installCommand(['']));
}

async function gpuCheck(engine: Engine): Promise<Check> {
  const has = (kind: string) => engine.binaries.some((binary) => binary.includes(kind));
  const nvidia = await nvidiaGpu();
  if (nvidia !== undefined && !has('cuda')) return withoutEngine(nvidia, 'cuda');
  const cards = (await graphicsCards()).map(({ name }) => name).join(', ');
  if (cards !== '' && !has('vulkan')) return withoutEngine(cards, 'vulkan');
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

function withoutEngine(gpu: string, kind: keyof typeof GPU_PACKAGES): Check {
  if (process.arch !== 'x64')
    return well('gpu', `${gpu}, for which there is no engine on ${process.arch}; models run on the CPU`);
  return unwell('gpu', `${gpu}, but the engine for it is not installed`, installCommand(GPU_PACKAGES[kind]));
}

/** Its name, or 'an NVIDIA GPU' where only the driver is seen; undefined where there is none. */
async function nvidiaGpu(): Promise<string | undefined> {
  const names = (await nvidiaGpus()).map(({ name }) => name).join(', ');
  if (names !== '') return names;
  const devices = await readdir('/proc/driver/nvidia/gpus').catch(() => []);
  return devices.length === 0 ? undefined : 'an NVIDIA GPU';
}
