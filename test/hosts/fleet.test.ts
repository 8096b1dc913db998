import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { appendFile, copyFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { slowLine, testFleet, type Fleet } from '../support/fleet.ts';
import type { Host } from '../support/host.ts';
import { skipsHosts } from '../support/hosts.ts';
import { putLayers } from '../support/kit-cache.ts';
import { otherPackage } from '../support/other-package.ts';
import { ask, endsOf, narrationsOf, requests, resultOf, runAll, type Followed } from '../support/streams.ts';
import { leftovers } from '../support/swarm.ts';
import { until } from '../support/until.ts';

const texts = (all: readonly Followed[]) => all.map(({ text }) => text);
const ofHive = (host: Host) => host.processes().filter(({ args }) => args.includes('/.rbee/'));
/** Bytes received of incomplete layers. */
function arrivedBytes(host: Host): number {
  const layers = join(host.home, '.rbee', 'layers');
  const parts = existsSync(layers) ? readdirSync(layers).filter((name) => name.endsWith('.part')) : [];
  return parts.reduce((sum, name) => sum + (statSync(join(layers, name), { throwIfNoEntry: false })?.size ?? 0), 0);
}

/** Ports that other machines can reach: those that listen beyond the loopback. */
async function openPorts(host: Host): Promise<number[]> {
  const sockets = (await host.exec('cat /proc/net/tcp /proc/net/tcp6')).split('\n').map((line) => line.trim().split(/\s+/));
  const listening = sockets.filter(([, , , state]) => state === '0A').map(([, local = '']) => local.split(':'));
  const loopbacks = ['0100007F', '00000000000000000000000001000000'];
  return [...new Set(listening.flatMap(([address = '', port = '']) => (loopbacks.includes(address) ? [] : parseInt(port, 16))))];
}

const model = fileURLToPath(new URL('../../models/rbee-tiny-Q8_0.gguf', import.meta.url));

const processesOf = (host: Host) =>
  host
    .processes()
    .map(({ args }) => args)
    .filter((args) => !args.startsWith('sshd: '))
    .sort();

describe.skipIf(skipsHosts())('a fleet of machines', () => {
  let fleet: Fleet<'attic' | 'cellar'>;
  let before: { tree: string[]; processes: string[] };
  let undisturbed: string[];
  beforeAll(async () => {
    fleet = await testFleet(['attic', 'cellar']);
    const { hosts } = fleet.net;
    before = { tree: hosts.attic.tree(), processes: processesOf(hosts.attic) };
    await putLayers(hosts.attic.home, { lacks: 'engine' });
    await putLayers(hosts.cellar.home);
  });
  afterAll(() => fleet[Symbol.asyncDispose]());

  test('an install that was interrupted on a slow network leaves no hive, and the next one continues the transfer', async () => {
    const { net, swarm } = fleet;
    const { attic } = net.hosts;
    const direct = await slowLine(net, 'attic', { rate: 8_000, delayMs: 10 });
    const cut = swarm.rbee(['hive', 'install', 'attic', '--json']);
    await until(() => arrivedBytes(attic) > 4_000_000);
    await attic.drop();
    const other = swarm.rbee(['hive', 'install', 'cellar']);
    const { code, stdout } = await cut;
    expect(code, stdout).toBe(4);
    expect(stdout).toContain('"code":"ssh_unreachable"');
    const { hives } = await ask(swarm, 'hive_list');
    expect(hives.map(({ hive_id }) => hive_id)).not.toContain('attic');
    expect(ofHive(attic)).toEqual([]);
    await attic.restore();
    const { stderr, code: again } = await swarm.rbee(['hive', 'install', 'attic']);
    expect(again, stderr).toBe(0);
    expect(stderr).toMatch(/sending engine: [\d.]+ MB, after the [\d.]+ MB that are already there/);
    expect(await other).toMatchObject({ code: 0 });
    await direct();
  });

  test('an installed hive is listed, answers, and is used without starting the local one', async () => {
    const { swarm } = fleet;
    expect(await fleet.net.hosts.attic.exec('command -v node || echo none')).toBe('none\n');
    const { hives } = await ask(swarm, 'hive_list');
    expect(hives.map(({ hive_id }) => hive_id).sort()).toEqual(['attic', 'cellar', 'localhost']);
    const listed = { transport: 'ssh', host: '127.0.0.1', ssh: { host: 'attic' } };
    expect(hives.find(({ hive_id }) => hive_id === 'attic')).toMatchObject(listed);
    expect(await ask(swarm, 'hive_status', { hive_id: 'attic' })).toMatchObject({ state: 'running' });
    expect(await ask(swarm, 'hive_get', { hive_id: 'attic' })).toMatchObject({ capabilities: { hostname: 'attic' } });
    expect(await ask(swarm, 'infer', { prompt: 'Hi', hive_id: 'attic' })).toMatchObject({ model: 'tiny' });
    const [worker] = await fleet.workersOf('attic');
    expect(await ask(swarm, 'infer', { prompt: 'Hi' })).toMatchObject({ worker_id: worker?.worker_id });
    const { hives: seen } = await fleet.status();
    expect(Object.fromEntries(seen.map(({ hive_id, state }) => [hive_id, state]))).toEqual({
      attic: 'running',
      cellar: 'running',
      localhost: 'stopped',
    });
    undisturbed = texts(await runAll(swarm, requests(6, { hive_id: 'cellar' })));
    expect(texts(await runAll(swarm, requests(6, { hive_id: 'attic' })))).toEqual(undisturbed);
  });

  test('a hive listens on the loopback of its machine only, requires its token, and does not expose it', async () => {
    const { attic } = fleet.net.hosts;
    const { port } = await ask(fleet.swarm, 'hive_get', { hive_id: 'attic' });
    expect(await openPorts(attic)).toEqual([22]);
    const call = `.rbee/current/node -e 'fetch("http://127.0.0.1:${port}/health").then(({ status }) => console.log(status))'`;
    expect(await attic.exec(call)).toBe('401\n');
    const file = join(attic.home, '.rbee', 'token');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const token = readFileSync(file, 'utf8').trim();
    expect(token.length).toBeGreaterThan(30);
    const here = leftovers(fleet.swarm.home).map((pid) => readFileSync(`/proc/${pid}/cmdline`, 'utf8'));
    const args = [...attic.processes().map((each) => each.args), ...here];
    expect(args.filter((each) => each.includes(token))).toEqual([]);
  });

  test('a queen that was killed and started again finds hives and workers within seconds, and continues what was running', async () => {
    const { swarm } = fleet;
    const { queen, workers } = await fleet.status();
    let foundMs = Infinity;
    const act = async () => {
      process.kill(queen.pid, 'SIGKILL');
      await until(() => !leftovers(swarm.home).includes(queen.pid));
      const started = Date.now();
      expect((await swarm.rbee(['queen', 'start'])).code).toBe(0);
      await until(async () => (await fleet.status()).workers.length === workers.length);
      foundMs = Date.now() - started;
    };
    const followed = await runAll(swarm, requests(6, { hive_id: 'attic' }), { begun: 4, tokens: 40, act });
    expect(endsOf(followed)).toEqual(new Set(['result']));
    expect(texts(followed)).toEqual(undisturbed);
    expect(foundMs).toBeLessThan(20_000);
    const ids = (all: typeof workers) => all.map(({ worker_id }) => worker_id).sort();
    expect(ids((await fleet.status()).workers)).toEqual(ids(workers));
  });

  test('a newer queen refuses an older hive and says what to type, and an update fixes it', async () => {
    const { swarm, net } = fleet;
    await swarm.result(['queen', 'stop']);
    swarm.entry = join(await otherPackage(join(net.home, 'newer'), '9.9.9'), 'dist', 'rbee.js');
    const refused = await swarm.rbee(['infer', 'Hi', '--hive-id', 'attic']);
    expect(refused.code, refused.stderr).not.toBe(0);
    expect(refused.stderr).toContain('rbee hive update attic');
    expect(await fleet.hive('attic')).toMatchObject({
      state: 'unreachable',
      reason: expect.stringContaining('rbee hive update attic') as string,
    });
    const updates = await Promise.all(['cellar', 'attic'].map((name) => swarm.rbee(['hive', 'update', name])));
    for (const { stderr } of updates) {
      expect(stderr).toContain('sending rbee');
      expect(stderr).not.toMatch(/sending (runtime|engine)/);
    }
    expect(await fleet.hive('attic')).toMatchObject({ state: 'running', version: '9.9.9' });
    expect(texts(await runAll(swarm, requests(2, { hive_id: 'attic' })))).toEqual(undisturbed.slice(0, 2));
  });

  test('a crashed hive is started once, whether by the queen or by another install', async () => {
    const { swarm, net } = fleet;
    const { cellar } = net.hosts;
    const hivesThere = () => ofHive(cellar).filter(({ args }) => args.includes('hive run'));
    for (let times = 1; times <= 2; times += 1) {
      const [hive] = hivesThere();
      await cellar.exec(`kill -KILL $(sed -n 's/.*"pid":\\([0-9]*\\).*/\\1/p' .rbee/home/state/run/hive.json)`);
      const { code, stderr } = await swarm.rbee(['hive', 'install', 'cellar']);
      expect(code, stderr).toBe(0);
      expect(hivesThere()).toHaveLength(1);
      expect(hivesThere()[0]?.pid).not.toBe(hive?.pid);
      await until(async () => (await fleet.hive('cellar'))?.state === 'running');
    }
    expect((await ask(swarm, 'hive_get', { hive_id: 'cellar' })).port).toBe(9000);
  });

  test('a deleted hive gets no requests but keeps running, and an install registers it again as it is', async () => {
    const { swarm, net } = fleet;
    await runAll(swarm, requests(1, { hive_id: 'cellar' }));
    const [worker] = await fleet.workersOf('cellar');
    expect(worker).toBeDefined();
    await ask(swarm, 'hive_delete', { hive_id: 'cellar' });
    const followed = await runAll(swarm, requests(6));
    expect(endsOf(followed)).toEqual(new Set(['result']));
    expect(followed.map((one) => resultOf(one).worker_id)).not.toContain(worker?.worker_id);
    expect(await fleet.hive('cellar')).toBeUndefined();
    const processes = ofHive(net.hosts.cellar);
    const { code, stderr } = await swarm.rbee(['hive', 'install', 'cellar']);
    expect(code, stderr).toBe(0);
    expect(stderr).toContain("hive 'cellar' is already running");
    expect(await fleet.workersOf('cellar')).toMatchObject([{ worker_id: worker?.worker_id }]);
    expect(ofHive(net.hosts.cellar)).toEqual(processes);
  });

  test('no request fails during an update of a hive, for that hive or for a model that only it has', async () => {
    const { swarm, net } = fleet;
    const { attic } = net.hosts;
    await copyFile(model, join(attic.home, 'mine.gguf'));
    await swarm.result(['model', 'download', '/root/mine.gguf', '--name', 'mine', '--hive-id', 'attic']);
    await rm(join(attic.home, 'mine.gguf'));
    await appendFile(swarm.entry, '// Another build of the same version.\n');
    const { pid } = (await fleet.hive('attic')) ?? {};
    let isUpdated = false;
    const load = async (fields: object) => {
      const followed: Followed[] = [];
      while (!isUpdated) followed.push(...(await runAll(swarm, requests(2, fields))));
      return [...followed, ...(await runAll(swarm, requests(1, fields)))];
    };
    const updating = swarm.start(['hive', 'update', 'attic']);
    // Before the running requests are awaited.
    await updating.says('stderr', /sending rbee/);
    const loads = [load({ hive_id: 'attic' }), load({ model: 'mine' })];
    const updated = await updating.ended;
    isUpdated = true;
    const followed = await Promise.all(loads);
    expect(updated.code, updated.stderr).toBe(0);
    expect(updated.stderr).toContain("of hive 'attic'");
    expect((await fleet.hive('attic'))?.pid).not.toBe(pid);
    for (const each of followed) {
      expect(endsOf(each)).toEqual(new Set(['result']));
      expect(narrationsOf(each)).toContain('being updated');
    }
  });

  test('a stopped hive stays stopped until a request needs it', async () => {
    const { swarm, net } = fleet;
    await ask(swarm, 'hive_stop', { hive_id: 'attic' });
    expect(ofHive(net.hosts.attic)).toEqual([]);
    expect(endsOf(await runAll(swarm, requests(1)))).toEqual(new Set(['result']));
    expect(await fleet.hive('attic')).toMatchObject({ state: 'stopped' });
    expect(ofHive(net.hosts.attic)).toEqual([]);
    expect(texts(await runAll(swarm, requests(1, { hive_id: 'attic' })))).toEqual(undisturbed.slice(0, 1));
    expect(await fleet.hive('attic')).toMatchObject({ state: 'running' });
  });

  test('an uninstall leaves a machine as it was, and --catalog-only leaves the hive on it', async () => {
    const { swarm, net } = fleet;
    const { attic, cellar } = net.hosts;
    const there = { tree: cellar.tree(), processes: ofHive(cellar) };
    await ask(swarm, 'hive_uninstall', { hive_id: 'attic' });
    expect(await fleet.workersOf('attic')).toEqual([]);
    await swarm.result(['hive', 'uninstall', 'cellar', '--catalog-only']);
    expect(attic.tree()).toEqual(before.tree);
    // The remote end of the tunnel exits with it.
    await until(() => String(processesOf(attic)) === String(before.processes));
    expect({ tree: cellar.tree(), processes: ofHive(cellar) }).toEqual(there);
    expect((await fleet.status()).hives.map(({ hive_id }) => hive_id)).toEqual(['localhost']);
    await ask(swarm, 'infer', { prompt: 'Hi' });
    await until(() => leftovers(swarm.home).every((pid) => !/^ssh\b/.test(readFileSync(`/proc/${pid}/cmdline`, 'utf8'))));
  });
});
