import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Llama } from 'node-llama-cpp';

/**
 * Bytes that a model may still take. On Linux that is what the kernel calls available and what every memory limit above
 * this process leaves (a container's limit is invisible in /proc/meminfo). Page cache counts as free in both: it makes
 * way, and after a download it holds the very model that is to be loaded.
 */
export async function freeMemoryBytes(llama: Llama): Promise<number> {
  const { free } = await llama.getRamState();
  if (process.platform !== 'linux') return free;
  const available = availableBytes(await read('/proc/meminfo')) ?? free;
  return Math.min(available, ...(await limitHeadrooms(await read('/proc/self/cgroup'))));
}

/** @param meminfo text of /proc/meminfo */
export function availableBytes(meminfo: string): number | undefined {
  const kibibytes = /^MemAvailable:\s+(\d+) kB$/m.exec(meminfo)?.[1];
  return kibibytes === undefined ? undefined : Number(kibibytes) * 1024;
}

export interface MemoryGroup {
  /** From the group of this process up to the root: a limit on any of them holds. */
  folders: string[];
  limitFile: string;
  usageFile: string;
}

/**
 * @param cgroup text of /proc/self/cgroup: lines `hierarchy:controllers:path`, with no controllers for version 2
 * In a container the path is often one of the host's, which does not exist inside; its own limit is at the root then.
 */
export function memoryGroups(cgroup: string): MemoryGroup[] {
  const groups: MemoryGroup[] = [];
  for (const line of cgroup.split('\n')) {
    const [, controllers, path] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    if (path === undefined || controllers === undefined) continue;
    if (controllers === '') {
      groups.push({ folders: upwards('/sys/fs/cgroup', path), limitFile: 'memory.max', usageFile: 'memory.current' });
    } else if (controllers.split(',').includes('memory')) {
      const folders = upwards('/sys/fs/cgroup/memory', path);
      groups.push({ folders, limitFile: 'memory.limit_in_bytes', usageFile: 'memory.usage_in_bytes' });
    }
  }
  return groups;
}

/** @param stat text of a group's memory.stat; version 1 counts the groups below it only in the `total_` lines */
export function pageCacheBytes(stat: string): number {
  const bytes = (name: string) => new RegExp(`^${name} (\\d+)$`, 'm').exec(stat)?.[1];
  const cached = (name: string) => Number(bytes(`total_${name}`) ?? bytes(name) ?? 0);
  return cached('inactive_file') + cached('active_file');
}

async function limitHeadrooms(cgroup: string): Promise<number[]> {
  const headrooms: number[] = [];
  for (const { folders, limitFile, usageFile } of memoryGroups(cgroup)) {
    for (const folder of folders) {
      const limit = Number.parseInt(await read(join(folder, limitFile)), 10);
      const usage = Number.parseInt(await read(join(folder, usageFile)), 10);
      // 'max' and a missing file are no limit.
      if (Number.isNaN(limit) || Number.isNaN(usage)) continue;
      headrooms.push(Math.max(0, limit - usage + pageCacheBytes(await read(join(folder, 'memory.stat')))));
    }
  }
  return headrooms;
}

function upwards(root: string, path: string): string[] {
  const folders: string[] = [];
  for (let folder = join('/', path); folder !== '/'; folder = dirname(folder)) folders.push(join(root, folder));
  return [...folders, root];
}

/** '' for a file that is not there: which of these files exist depends on the kernel and the container. */
async function read(path: string): Promise<string> {
  return readFile(path, 'utf8').catch(() => '');
}
