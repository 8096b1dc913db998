import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { OutputOf } from '../../src/contract/index.ts';
import { skipsHosts, testHosts, type HostNet } from '../support/hosts.ts';
import { ask } from '../support/streams.ts';
import { testSwarm, type Swarm } from '../support/swarm.ts';

type Tested = OutputOf<'ssh_test'>;

describe.skipIf(skipsHosts())('machines without a hive', () => {
  let net: HostNet<'attic' | 'cellar'>;
  let swarm: Swarm;
  let config: string;
  beforeAll(async () => {
    net = await testHosts(['attic', 'cellar']);
    config = join(net.home, '.ssh', 'config');
    const hosts = await readFile(config, 'utf8');
    await mkdir(join(net.home, '.ssh', 'conf.d'));
    await writeFile(join(net.home, '.ssh', 'conf.d', 'more'), 'Host shed *.lan\n  HostName 192.0.2.7\n  Port 2222\n  User me\n');
    const behind = `Host loft\n  HostName ${net.hosts.attic.address}\n  ProxyJump cellar\n`;
    await writeFile(config, `Include conf.d/*\n${behind}${hosts}`);
    swarm = await testSwarm({ through: net.through });
  });
  afterAll(async () => {
    await swarm[Symbol.asyncDispose]();
    await net[Symbol.asyncDispose]();
  });

  const testedByCommand = async (...args: string[]) => {
    const { code, stdout, stderr } = await swarm.rbee(['ssh', 'test', ...args, '--json']);
    const { data } = JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '') as { data: Tested };
    expect(code, stderr).toBe(data.reachable ? 0 : 1);
    return data;
  };
  const tested = (host: string) => ask(swarm, 'ssh_test', { ssh_host: host });
  const all = [
    ...['resolve', 'connect', 'host_key', 'authenticate', 'shell', 'forwarding'],
    ...['system', 'libc', 'tools', 'home', 'disk', 'gpu', 'rbee'],
  ];

  describe('ssh test', () => {
    test('passes each step, and changes nothing on the machine', async () => {
      const { checks, ...verdict } = await testedByCommand('attic');
      expect(verdict).toEqual({ ssh_host: 'attic', reachable: true });
      expect(checks.map(({ check }) => check)).toEqual(all);
      expect(checks.filter(({ ok, next }) => !ok || next !== undefined)).toEqual([]);
      expect(checks[0]?.says).toBe(`attic is root@${net.hosts.attic.address}:22`);
      expect(net.hosts.attic.tree()).toEqual(['.ssh/', '.ssh/authorized_keys']);
    });

    test('goes through a jump host, and names the machine that refuses the connection', async () => {
      expect(await tested('loft')).toMatchObject({ reachable: true });
      const keys = join(net.hosts.cellar.home, '.ssh', 'authorized_keys');
      const key = await readFile(keys);
      await writeFile(keys, '');
      const { checks } = await tested('loft');
      await writeFile(keys, key);
      expect(checks.at(-1)).toMatchObject({ check: 'connect', ok: false, next: expect.stringContaining('cellar') as string });
    });

    test.each([
      ['an unknown name', ['nowhere.invalid'], 'resolve', 'ssh -G nowhere.invalid'],
      ['a closed port', ['attic', '--ssh-port', '23'], 'connect', 'rbee ssh test --ssh-host attic --ssh-port'],
      ['a user without access', ['--ssh-host', 'attic', '--ssh-user', 'daemon'], 'authenticate', 'ssh-copy-id daemon@attic'],
    ])('stops at %s, and says what to type', async (_name, args, check, next) => {
      const { checks, reachable } = await testedByCommand(...args);
      expect(reachable).toBe(false);
      expect(checks.map((each) => each.check)).toEqual(all.slice(0, all.indexOf(check) + 1));
      expect(checks.at(-1)).toMatchObject({ check, ok: false, next: expect.stringContaining(next) as string });
    });

    test('gives up on a machine that does not answer', async () => {
      await net.hosts.cellar.drop();
      const started = Date.now();
      const { checks } = await tested('cellar');
      await net.hosts.cellar.restore();
      expect(Date.now() - started).toBeLessThan(60_000);
      expect(checks.at(-1)).toMatchObject({
        check: 'connect',
        ok: false,
        says: 'cellar does not answer: the connection timed out',
      });
    });

    test('shows the fingerprint of an unknown host key, and a command for a changed one', async () => {
      await writeFile(join(net.home, '.ssh', 'known_hosts'), '');
      const unknown = (await tested('cellar')).checks.at(-1);
      await net.trust();
      await net.hosts.cellar.rekey();
      const changed = (await tested('cellar')).checks.at(-1);
      await net.trust();
      expect(unknown).toMatchObject({ check: 'host_key', says: expect.stringMatching(/not known yet: .*SHA256:/) as string });
      expect(changed).toMatchObject({ check: 'host_key', next: expect.stringContaining('ssh-keygen -R') as string });
    });

    test('prints each step with a mark', async () => {
      const { stdout, stderr } = await swarm.rbee(['ssh', 'test', 'attic']);
      expect(stdout).toMatch(/^✓ resolve {7}attic is root@/);
      expect(stdout).toMatch(/\n✓ rbee {10}not installed yet\n\nA hive can be installed on attic\.\n$/);
      expect(stderr).toContain('examining attic');
    });

    test.each([[[]], [['localhost']], [['--ssh-host', '-oProxyCommand=id']], [['a b']]])(
      'refuses the arguments %j',
      async (args) => {
        expect((await swarm.rbee(['ssh', 'test', ...args])).code).toBe(2);
      },
    );
  });

  describe('hive import-ssh', () => {
    const imported = (...hosts: string[]) => ask(swarm, 'hive_import_ssh', { hosts });

    test('lists single hosts as OpenSSH resolves them, including those of Include', async () => {
      const { hosts, hives } = await imported();
      expect(hives).toEqual([]);
      expect(hosts.map(({ host }) => host)).toEqual(['shed', 'loft', 'attic', 'cellar']);
      expect(hosts[0]).toEqual({ host: 'shed', hostname: '192.0.2.7', user: 'me', port: 2222 });
    });

    test('registers the chosen hosts as hives, once', async () => {
      const args = ['hive', 'import-ssh', '--hosts', 'attic', '--hosts', 'shed'];
      const { hives } = await swarm.result<OutputOf<'hive_import_ssh'>>(args);
      expect(hives).toMatchObject([
        { hive_id: 'attic', transport: 'ssh', host: '127.0.0.1', port: 9000, ssh: { host: 'attic' } },
        { hive_id: 'shed' },
      ]);
      const again = await imported('attic');
      expect(again.hives).toEqual([]);
      expect(again.hosts.filter(({ hive_id }) => hive_id !== undefined).map(({ host }) => host)).toEqual(['shed', 'attic']);
      expect(await tested('attic')).toMatchObject({ ssh_host: 'attic', reachable: true });
    });

    test('suggests the closest name for an unknown host, and registers nothing', async () => {
      const { code, stderr } = await swarm.rbee(['hive', 'import-ssh', '--hosts', 'cellar', '--hosts', 'atic']);
      expect({ code, stderr }).toMatchObject({ code: 2, stderr: expect.stringContaining("did you mean 'attic'?") as string });
      expect((await swarm.rbee(['hive', 'get', 'cellar'])).code).toBe(3);
    });
  });
});
