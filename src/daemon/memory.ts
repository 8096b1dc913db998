import { readFile } from 'node:fs/promises';
import { freemem, totalmem } from 'node:os';
import { dirname, join } from 'node:path';
import { programOutput } from './program-output.ts';

const VM_STAT_DEADLINE_MS = 2_000;

/**
 * Bytes that a program may still allocate. On Linux: the available memory of the kernel, within every memory limit above this process
 * (the limit of a container is invisible in /proc/meminfo). Page cache counts as free in both: it is reclaimable, and after a download it
 * contains the model to be loaded. For the same reason, this does not use Node's freemem() on macOS, which counts only never-used
 * pages: a hundred megabytes on most machines.
 */
export async function freeMemoryBytes(): Promise<number> {
  if (process.platform === 'darwin') return (await reclaimableBytes()) ?? freemem();
  const available = availableBytes(await read('/proc/meminfo')) ?? freemem();
  return Math.min(available, ...(await limitHeadrooms(await read('/proc/self/cgroup'))));
}

/** Bytes of this machine, or of the container that this process is in. */
export function totalMemoryBytes(): number {
  // Without a limit, it is 0 or larger than any machine's memory.
  return Math.min(totalmem(), process.constrainedMemory() || Infinity);
}

async function reclaimableBytes(): Promise<number | undefined> {
  return programOutput('vm_stat', [], { withinMs: VM_STAT_DEADLINE_MS }).then(vmStatBytes, () => undefined);
}

/** @param vmStat output of vm_stat(1): the page size in its title, then a page count per line */
export function vmStatBytes(vmStat: string): number | undefined {
  const pageBytes = /\(page size of (\d+) bytes\)/.exec(vmStat)?.[1];
  if (pageBytes === undefined) return undefined;
  const pages = (name: string) => Number(new RegExp(`^Pages ${name}: +(\\d+)\\.$`, 'm').exec(vmStat)?.[1] ?? 0);
  // Purgeable pages are already included in the inactive and active ones.
  return (pages('free') + pages('speculative') + pages('inactive')) * Number(pageBytes);
}

/** @param meminfo text of /proc/meminfo */
export function availableBytes(meminfo: string): number | undefined {
  const kibibytes = /^MemAvailable:\s+(\d+) kB$/m.exec(meminfo)?.[1];
  return kibibytes === undefined ? undefined : Number(kibibytes) * 1024;
}

export interface MemoryGroup {
  /** From the group of this process up to the root: a limit on any of them applies. */
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

/** '' for a missing file: which of these files exist depends on the kernel and the container. */
async function read(path: string): Promise<string> {
  return readFile(path, 'utf8').catch(() => '');
}
