import { readdir, readFile, realpath } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, join } from 'node:path';

/** A GPU as the Linux kernel lists it, without the vendor's driver. */
export interface GraphicsCard {
  /** 'AMD GPU 1002:73bf': the kernel knows numbers only. */
  name: string;
  /** Its own memory; 0 where the kernel does not report it. */
  memoryBytes: number;
  usedBytes: number;
}

const AMD = '0x1002';
const INTEL = '0x8086';

/** The GPUs of AMD and Intel that can compute faster than the CPU: Intel's GPUs on bus 0 are part of a CPU, and no faster than it. */
export async function graphicsCards(folder = '/sys/class/drm'): Promise<GraphicsCard[]> {
  // The folder also contains their connectors: 'card0-DP-1'.
  const names = (await readdir(folder).catch(() => [])).filter((name) => /^card\d+$/.test(name)).toSorted();
  const cards = await Promise.all(names.map((name) => readCard(join(folder, name, 'device'))));
  return cards.filter((card) => card !== undefined);
}

/** Signs of Vulkan support: driver manifests and devices in /dev/dri. Empty without any. */
export async function vulkanDrivers(): Promise<string[]> {
  const share = ['/etc', '/usr/share', '/usr/local/share', join(homedir(), '.local/share')];
  const folders = [...share.map((folder) => join(folder, 'vulkan/icd.d')), '/dev/dri'];
  const lists = await Promise.all(folders.map((folder) => readdir(folder).catch(() => [])));
  return lists.flat().toSorted();
}

async function readCard(folder: string): Promise<GraphicsCard | undefined> {
  const read = async (name: string): Promise<string> => (await readFile(join(folder, name), 'utf8').catch(() => '')).trim();
  const [vendor, model] = await Promise.all([read('vendor'), read('device')]);
  const slot = basename(await realpath(folder).catch(() => ''));
  if (vendor !== AMD && (vendor !== INTEL || /^[0-9a-f]{4,}:00:/.test(slot))) return undefined;
  // Only AMD's driver reports memory.
  const [total, used] = await Promise.all([read('mem_info_vram_total'), read('mem_info_vram_used')]);
  const name = `${vendor === AMD ? 'AMD' : 'Intel'} GPU ${vendor.slice(2)}:${model.slice(2)}`;
  return { name, memoryBytes: Number(total), usedBytes: Number(used) };
}
