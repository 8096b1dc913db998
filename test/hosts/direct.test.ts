import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { skipsHosts, testHosts, type HostNet } from '../support/hosts.ts';
import { putLayers } from '../support/kit-cache.ts';
import { ask } from '../support/streams.ts';
import { testSwarm, type Swarm } from '../support/swarm.ts';

describe.skipIf(skipsHosts())('a hive that is called directly', () => {
  let net: HostNet<'attic'>;
  let swarm: Swarm;
  beforeAll(async () => {
    net = await testHosts(['attic']);
    swarm = await testSwarm({ through: net.through });
  });
  afterAll(async () => {
    await swarm[Symbol.asyncDispose]();
    await net[Symbol.asyncDispose]();
  });

  const infer = async () => (await ask(swarm, 'infer', { prompt: 'What does a bee do?', hive_id: 'attic', temperature: 0 })).text;
  /** As its hive reports them. */
  const models = async () => (await ask(swarm, 'model_list', { hive_id: 'attic' })).models.map(({ model }) => model);

  test('is not sent to a machine without enough disk space', async () => {
    const { attic } = net.hosts;
    await attic.exec('mkdir -m 700 /root/.rbee && mount -t tmpfs -o size=50m none /root/.rbee');
    const { code, stderr } = await swarm.rbee(['hive', 'install', 'attic', '--transport', 'http']);
    expect(stderr).toMatch(/^Error: .*needs? [\d.]+ MB.*\d+ MB/m);
    expect(stderr).not.toContain('sending');
    expect(code).toBe(7);
    expect((await ask(swarm, 'hive_list')).hives).toHaveLength(1);
    await attic.exec('umount /root/.rbee && rmdir /root/.rbee');
  });

  test('is installed over SSH, listens on its network, and requires its token', async () => {
    await putLayers(net.hosts.attic.home);
    const hive = await swarm.result<{ port: number }>(['hive', 'install', 'attic', '--transport', 'http']);
    expect(hive).toMatchObject({ transport: 'http', host: net.hosts.attic.address, ssh: { host: 'attic' } });
    expect(await infer()).toMatch(/^A bee flies/);
    expect((await fetch(`http://${net.hosts.attic.address}:${hive.port}/v1/jobs`)).status).toBe(401);
  });

  test('is stopped over SSH, and started again on demand', async () => {
    expect(await ask(swarm, 'hive_stop', { hive_id: 'attic' })).toMatchObject({ state: 'stopped' });
    expect(await infer()).toMatch(/^A bee flies/);
  });

  test('can be switched to SSH and back, and listens only on the addresses that it needs', async () => {
    const { port } = await swarm.result<{ port: number }>(['hive', 'update', 'attic', '--transport', 'ssh']);
    await expect(fetch(`http://${net.hosts.attic.address}:${port}/health`)).rejects.toThrow();
    expect(await models()).toContain('tiny');
    expect(await swarm.result(['hive', 'update', 'attic', '--host', net.hosts.attic.address])).toMatchObject({
      transport: 'http',
    });
    expect(await models()).toContain('tiny');
  });

  test('and was not installed by rbee is neither started nor stopped from here, and the refusal says how', async () => {
    const { address } = net.hosts.attic;
    await swarm.result(['hive', 'create', 'shed', '--host', address, '--port', '9999']);
    const asked = {
      start: `rbee hive run --id shed --host ${address} --port 9999`,
      stop: 'rbee hive halt',
      uninstall: 'rbee hive halt',
    };
    for (const [command, there] of Object.entries(asked)) {
      const { code, stderr } = await swarm.rbee(['hive', command, 'shed']);
      expect(code, stderr).toBe(2);
      expect(stderr).toContain(`on its own machine: ${there}. To forget it here: rbee hive uninstall shed --catalog-only`);
    }
    await ask(swarm, 'hive_uninstall', { hive_id: 'shed', catalog_only: true });
    expect((await ask(swarm, 'hive_list')).hives).toHaveLength(2);
  });
});
