import { expect, test } from 'vitest';
import { availableBytes, freeMemoryBytes, memoryGroups, pageCacheBytes, totalMemoryBytes, vmStatBytes } from './memory.ts';

test('the available memory of the kernel is read in bytes', () => {
  expect(availableBytes('MemTotal:       24684092 kB\nMemFree:         1000000 kB\nMemAvailable:   20000000 kB\n')).toBe(
    20_480_000_000,
  );
  expect(availableBytes('')).toBeUndefined();
});

test('with cgroups version 2, the limits of all groups above the process are read', () => {
  expect(memoryGroups('0::/user.slice/rbee.service\n')).toEqual([
    {
      folders: ['/sys/fs/cgroup/user.slice/rbee.service', '/sys/fs/cgroup/user.slice', '/sys/fs/cgroup'],
      limitFile: 'memory.max',
      usageFile: 'memory.current',
    },
  ]);
});

test('with cgroups version 1, the memory hierarchy is found among the others', () => {
  const folders = memoryGroups('9:name=systemd:/\n4:cpu,memory:/docker/abc\n3:cpuset:/\n').map((group) => group.folders);
  expect(folders).toEqual([['/sys/fs/cgroup/memory/docker/abc', '/sys/fs/cgroup/memory/docker', '/sys/fs/cgroup/memory']]);
});

test('page cache is counted once, including that of groups below', () => {
  expect(pageCacheBytes('anon 5\ninactive_file 100\nactive_file 20\n')).toBe(120);
  expect(pageCacheBytes('inactive_file 1\nactive_file 2\ntotal_inactive_file 100\ntotal_active_file 20\n')).toBe(120);
  expect(pageCacheBytes('')).toBe(0);
});

test('on macOS, reclaimable pages count as free', () => {
  const vmStat = [
    'Mach Virtual Memory Statistics: (page size of 16384 bytes)',
    'Pages free:                                5000.',
    'Pages active:                            500000.',
    'Pages inactive:                          400000.',
    'Pages speculative:                         1000.',
    'Pages throttled:                              0.',
    'Pages wired down:                        100000.',
    'Pages purgeable:                           7000.',
    '"Translation faults":                  98765432.',
    '',
  ].join('\n');
  expect(vmStatBytes(vmStat)).toBe(406_000 * 16_384);
  expect(vmStatBytes('')).toBeUndefined();
});

test('the free memory of this machine is positive, and at most its total memory', async () => {
  const freeBytes = await freeMemoryBytes();
  expect(freeBytes).toBeGreaterThan(0);
  expect(freeBytes).toBeLessThanOrEqual(totalMemoryBytes());
});
