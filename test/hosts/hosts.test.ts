import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { describe, expect, test } from 'vitest';
import { done } from '../support/done.ts';
import { skipsHosts, testHosts } from '../support/hosts.ts';
import { until } from '../support/until.ts';

/** Namespaces, folders and mounts of the hosts of this process. */
async function traces(): Promise<string[]> {
  const own = new RegExp(`rbee-${process.pid}-\\d+-\\S+`, 'g');
  const namespaces = (await done('ip', ['netns', 'list'])).match(own) ?? [];
  const folders = readdirSync(tmpdir()).filter((name) => name.startsWith(`rbee-hosts-${process.pid}-`));
  const mounts = readFileSync('/proc/mounts', 'utf8').match(/\S*rbee-hosts-\S*/g) ?? [];
  return [...namespaces, ...folders, ...mounts];
}

describe.skipIf(skipsHosts())('hosts for tests', () => {
  test('are bare machines that can reach each other, and leave nothing behind', async () => {
    const before = await traces();
    const pids: number[] = [];
    {
      await using net = await testHosts(['attic', 'cellar']);
      const { attic, cellar } = net.hosts;
      expect(await attic.exec('hostname; command -v node || echo no node; cat /proc/sys/kernel/hostname; ls -A /tmp')).toBe(
        'attic\nno node\nattic\n',
      );
      expect(await attic.exec(`ssh-keyscan -T 3 ${cellar.address} 2>/dev/null | wc -l`)).not.toBe('0\n');
      await attic.exec('echo hi >made; setsid sleep 1000 >/dev/null 2>&1 </dev/null &');
      expect(attic.tree()).toEqual(['.ssh/', '.ssh/authorized_keys', 'made']);
      expect(cellar.tree()).not.toContain('made');
      await until(() => attic.processes().some(({ args }) => args === 'sleep 1000'));
      pids.push(...[attic, cellar].flatMap((host) => host.processes().map(({ pid }) => pid)));
      expect((await traces()).length).toBeGreaterThan(before.length);
    }
    expect(await traces()).toEqual(before);
    expect(pids.filter((pid) => existsSync(`/proc/${pid}`))).toEqual([]);
  });

  const shells = ['/usr/bin/fish', '/usr/bin/zsh'].filter((path) => existsSync(path));
  test.skipIf(shells.length < 2)('log in with any shell, and two nets live side by side', async () => {
    await using one = await testHosts(['attic'], { shell: '/usr/bin/fish' });
    await using two = await testHosts(['attic'], { shell: '/usr/bin/zsh' });
    expect(one.hosts.attic.address).not.toBe(two.hosts.attic.address);
    const [program = '', ...through] = one.through;
    expect(await done(program, [...through, 'ssh', '-o', 'BatchMode=yes', 'attic', 'echo $FISH_VERSION'])).toMatch(/^\d/);
  });
});
