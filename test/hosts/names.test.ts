import { existsSync } from 'node:fs';
import { readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { testFleet, type Fleet } from '../support/fleet.ts';
import type { Host } from '../support/host.ts';
import { skipsHosts } from '../support/hosts.ts';
import { putLayers } from '../support/kit-cache.ts';
import { ask } from '../support/streams.ts';

const hivesOf = (host: Host) => host.processes().filter(({ args }) => args.includes('/.rbee/') && args.includes('hive run'));

describe.skipIf(skipsHosts())('machines and the names of their hives', () => {
  let fleet: Fleet<'attic'>;
  beforeAll(async () => {
    fleet = await testFleet(['attic']);
    await putLayers(fleet.net.hosts.attic.home);
    await fleet.swarm.result(['hive', 'install', 'attic']);
  });
  afterAll(() => fleet[Symbol.asyncDispose]());

  const refused = async (...args: string[]) => {
    const { code, stderr } = await fleet.swarm.rbee(args);
    expect(code, stderr).not.toBe(0);
    return stderr;
  };
  /** As its hive reports them. */
  const modelsOf = async (hive_id: string) => {
    const { models } = await ask(fleet.swarm, 'model_list', { hive_id });
    return models.map(({ model }) => model);
  };
  const registered = async () => {
    const { hives } = await ask(fleet.swarm, 'hive_list');
    return hives.map(({ hive_id }) => hive_id).sort();
  };

  test('a second name for a machine is refused before anything is packed, and its hive stays as it is', async () => {
    const { attic } = fleet.net.hosts;
    const before = hivesOf(attic);
    expect(before).toHaveLength(1);
    // Without the cache, packing would be narrated, and leave files.
    const cache = join(fleet.swarm.home, 'cache');
    await rename(cache, `${cache}.away`);
    for (const way of ['attic', attic.address]) {
      const stderr = await refused('hive', 'install', 'other', '--ssh-host', way);
      expect(stderr).toContain(
        `${way} has the hive 'attic' of this fleet already. Use that name, or remove it first: rbee hive uninstall attic`,
      );
      expect(stderr).not.toMatch(/packing|installing|sending/);
    }
    // The queen may store its compiled code at any time.
    const left = existsSync(cache) ? await readdir(cache) : [];
    expect(left.filter((name) => name !== 'code')).toEqual([]);
    await rm(cache, { recursive: true, force: true });
    await rename(`${cache}.away`, cache);
    expect(hivesOf(attic)).toEqual(before);
    expect(await registered()).toEqual(['attic', 'localhost']);
    expect(await modelsOf('attic')).toContain('tiny');
  });

  test('a machine whose hive was forgotten is refused under another name, and both solutions are named', async () => {
    await ask(fleet.swarm, 'hive_delete', { hive_id: 'attic' });
    const stderr = await refused('hive', 'install', 'other', '--ssh-host', 'attic', '--ssh-user', 'root');
    expect(stderr).toContain("root@attic has the hive 'attic' of this fleet already, which is no longer registered");
    expect(stderr).toContain('rbee hive install attic --ssh-user root');
    expect(stderr).toContain('ssh root@attic rm .rbee/fleet');
    expect(await registered()).toEqual(['localhost']);
  });

  test('a forgotten hive is replaced as the refusal says, and only the new hive runs there', async () => {
    const { attic } = fleet.net.hosts;
    await attic.exec('rm .rbee/fleet');
    await fleet.swarm.result(['hive', 'install', 'other', '--ssh-host', 'attic']);
    expect(hivesOf(attic)).toMatchObject([{ args: expect.stringContaining('--id other') as string }]);
    expect(await ask(fleet.swarm, 'infer', { prompt: 'Hi', hive_id: 'other' })).toMatchObject({ model: 'tiny' });
    expect(await refused('hive', 'install', 'attic')).toContain('rbee hive uninstall other');
    expect(await registered()).toEqual(['localhost', 'other']);
  });

  test('a machine that now belongs to another hive is neither stopped, uninstalled nor updated under the old name', async () => {
    const { attic } = fleet.net.hosts;
    const before = hivesOf(attic);
    await attic.exec(`printf '%s\\n' "$(sed -n 1p .rbee/fleet)" '"loft"' >fleet && mv fleet .rbee/fleet`);
    for (const what of ['stop', 'uninstall', 'update'])
      expect(await refused('hive', what, 'other')).toMatch(/has the hive 'loft' [^]*rbee hive uninstall other --catalog-only/);
    expect(hivesOf(attic)).toEqual(before);
    await attic.exec(`printf '%s\\n' "$(sed -n 1p .rbee/fleet)" '"other"' >fleet && mv fleet .rbee/fleet`);
    expect(await ask(fleet.swarm, 'hive_status', { hive_id: 'other' })).toMatchObject({ state: 'running' });
  });

  test('an install with nothing to do says so, and a new port restarts the hive once', async () => {
    const { attic } = fleet.net.hosts;
    const before = hivesOf(attic);
    for (const what of ['install', 'update']) {
      const { code, stderr } = await fleet.swarm.rbee(['hive', what, 'other']);
      expect(code, stderr).toBe(0);
      expect(stderr).toMatch(/hive 'other' is up to date: rbee [\d.]+ for linux-\S+ is already installed/);
      expect(stderr).not.toContain('installing');
    }
    expect(hivesOf(attic)).toEqual(before);
    const { code, stderr } = await fleet.swarm.rbee(['hive', 'update', 'other', '--port', '9100']);
    expect(code, stderr).toBe(0);
    expect(stderr).toContain('is healthy on port 9100');
    expect(stderr).not.toMatch(/asleep|started/);
    expect(await modelsOf('other')).toContain('tiny');
  });

  test('an error about a missing path names the machine', async () => {
    const stderr = await refused('model', 'download', '/nowhere/bee.gguf', '--hive-id', 'other');
    expect(stderr).toContain("there is no such file on the machine of hive 'other'");
    expect(stderr).not.toContain('this machine');
  });

  test('an install without a hive name asks for one', async () => {
    const stderr = await refused('hive', 'install', '--ssh-host', '198.51.100.200', '--ssh-user', 'me');
    expect(stderr).toContain('rbee hive install <name> --ssh-host 198.51.100.200 --ssh-user me');
    expect(stderr).not.toContain('registered already');
  });

  test('an uninstall from an unreachable machine says how to forget its hive', async () => {
    await fleet.net.hosts.attic.crash();
    expect(await refused('hive', 'uninstall', 'other')).toContain('rbee hive uninstall other --catalog-only');
    await fleet.swarm.result(['hive', 'uninstall', 'other', '--catalog-only']);
    expect(await registered()).toEqual(['localhost']);
  });
});
