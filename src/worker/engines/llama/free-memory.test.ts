import { expect, test } from 'vitest';
import { availableBytes, memoryGroups, pageCacheBytes } from './free-memory.ts';

test('what the kernel calls available is read in bytes', () => {
  expect(availableBytes('MemTotal:       24684092 kB\nMemFree:         1000000 kB\nMemAvailable:   20000000 kB\n')).toBe(
    20_480_000_000,
  );
  expect(availableBytes('')).toBeUndefined();
});

test('the limits of all groups above the process are asked, in version 2', () => {
  expect(memoryGroups('0::/user.slice/rbee.service\n')).toEqual([
    {
      folders: ['/sys/fs/cgroup/user.slice/rbee.service', '/sys/fs/cgroup/user.slice', '/sys/fs/cgroup'],
      limitFile: 'memory.max',
      usageFile: 'memory.current',
    },
  ]);
});

test('the memory hierarchy of version 1 is found among the others', () => {
  const folders = memoryGroups('9:name=systemd:/\n4:cpu,memory:/docker/abc\n3:cpuset:/\n').map((group) => group.folders);
  expect(folders).toEqual([['/sys/fs/cgroup/memory/docker/abc', '/sys/fs/cgroup/memory/docker', '/sys/fs/cgroup/memory']]);
});

test('page cache is counted once, with the groups below where version 1 lists them apart', () => {
  expect(pageCacheBytes('anon 5\ninactive_file 100\nactive_file 20\n')).toBe(120);
  expect(pageCacheBytes('inactive_file 1\nactive_file 2\ntotal_inactive_file 100\ntotal_active_file 20\n')).toBe(120);
  expect(pageCacheBytes('')).toBe(0);
});
