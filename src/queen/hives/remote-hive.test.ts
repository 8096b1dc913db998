import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest';
import type { Hive } from '../../contract/index.ts';
import { startTestDaemon, type TestDaemon } from '../../jobs/fixtures/test-daemon.ts';
import { openMemoryCatalog } from '../../jobs/index.ts';
import { HiveCatalog } from './hive-catalog.ts';
import { HiveTokens } from './hive-tokens.ts';
import { Holds } from './holds.ts';
import { RemoteHives } from './remote-hives.ts';
import { homePaths } from '../../daemon/index.ts';
import { SshShells } from '../../machines/index.ts';
import { RemoteHive, type RemoteHiveOptions } from './remote-hive.ts';

/**
 * In the place of ssh: notes that it was called, and runs the command here, or does not let anybody in. Asked over its socket, it
 * forwards a port.
 */
const SSH = `#!${process.execPath}
const [net, fs, { spawn }] = [require('node:net'), require('node:fs'), require('node:child_process')];
const after = (flag) => process.argv[process.argv.indexOf(flag) + 1];
if (process.argv.includes('-V')) process.exit();
if (process.argv.includes('-O')) return net.connect(after('-S')).on('data', () => process.exit()).write(after('-L'));
fs.appendFileSync(__dirname + '/calls', 'x');
if (fs.existsSync(__dirname + '/denied')) { console.error('me@attic: Permission denied (publickey).'); process.exit(255); }
const forward = ([, here, , there], done) => net.createServer((near) => {
  const far = net.connect(Number(there), '127.0.0.1');
  for (const [one, other] of [[near, far], [far, near]]) one.on('error', () => other.destroy()).pipe(other);
}).listen(Number(here), '127.0.0.1', done);
const control = net.createServer((asked) => asked.on('data', (ports) => forward(String(ports).split(':'), () => asked.write('yes'))));
control.listen(after('-S'), () => {
  const [command] = process.argv.slice(-1);
  spawn('sh', ['-c', command], { stdio: 'inherit' }).on('exit', () => process.exit());
});
`;

const never = new AbortController().signal;
const path = process.env['PATH'] ?? '';
let bin: string;
const calls = async () => (await readFile(join(bin, 'calls'), 'utf8').catch(() => '')).length;
beforeAll(async () => {
  bin = await mkdtemp(join(tmpdir(), 'rbee-ssh-'));
  await writeFile(join(bin, 'ssh'), SSH);
  await chmod(join(bin, 'ssh'), 0o755);
  process.env['PATH'] = `${bin}${delimiter}${path}`;
});
beforeEach(() => Promise.all(['calls', 'denied'].map((file) => rm(join(bin, file), { force: true }))));
afterAll(async () => {
  process.env['PATH'] = path;
  await rm(bin, { recursive: true });
});

const hive: Hive = {
  ...{ hive_id: 'test', transport: 'ssh', host: '127.0.0.1', port: 9, ssh: { host: 'attic' } },
  ...{ version: __RBEE_VERSION__, created_at: '2026-11-21T08:00:00.000Z' },
};

const occupied = () => Promise.reject(new Error('nobody else is there'));

const nobody = { held: () => undefined, isStopped: () => false, onRunning: () => undefined };

/** A hive on a machine where a start makes a real one, on another port each time. */
function remote(options: Partial<RemoteHiveOptions> = {}) {
  let running: TestDaemon | undefined;
  const end = async () => running?.[Symbol.asyncDispose]();
  let starts = 0;
  const run = async (script: string) => {
    if (!script.includes('hive "$@" || echo')) return '';
    starts += 1;
    running = await startTestDaemon({ handlers: {}, token: 'secret' });
    const result = { port: running.peer.port, pid: 1, version: __RBEE_VERSION__, started: true };
    return JSON.stringify({ event: 'result', data: result });
  };
  const shells = new SshShells({ run: join(bin, 'run') });
  const made = new RemoteHive(hive, {
    openTunnel: (target, tunnelOptions) => shells.tunnel(target, tunnelOptions),
    site: (signal) => ({ shell: { run }, signal, fleet: 'f', hiveId: 'test', occupied }),
    token: 'secret',
    ...nobody,
    ...options,
  });
  onTestFinished(async () => {
    await made.close();
    await end();
  });
  return { remote: made, end, starts: () => starts };
}

test('a hive that somebody else has started on another port is called there, and not started again', async () => {
  const { remote: attic, end, starts } = remote();
  await attic.ensureRunning(never);
  await end();
  await using elsewhere = await startTestDaemon({ handlers: {}, token: 'secret' });
  attic.runsAt(elsewhere.peer.port);
  attic.distrust();
  await attic.ensureRunning(never);
  expect(starts()).toBe(1);
});

test('a hive that died while nobody had work for it is started again by who listens to it', async () => {
  const { remote: attic, end, starts } = remote();
  await attic.ensurePatiently(never);
  expect(starts()).toBe(1);
  await end();
  await attic.ensurePatiently(never);
  expect(starts()).toBe(2);
});

test('who only listens does not knock again at a machine that has refused us', async () => {
  await writeFile(join(bin, 'denied'), '');
  const { remote: attic } = remote();
  for (let times = 1; times <= 3; times += 1)
    await expect(attic.ensurePatiently(never)).rejects.toMatchObject({ code: 'ssh_denied' });
  expect(await calls()).toBe(1);
  await expect(attic.ensureRunning(never)).rejects.toMatchObject({ code: 'ssh_denied' });
  expect(await calls()).toBe(2);
});

test('a hive that was given up gets no tunnel any more', async () => {
  const { remote: attic, starts } = remote();
  await attic.close();
  await expect(attic.ensureRunning(never)).rejects.toMatchObject({ code: 'hive_unreachable' });
  expect([await calls(), starts()]).toEqual([0, 0]);
});

test('while somebody else starts it, or what is installed there is exchanged, nobody starts it', async () => {
  const holds = new Holds();
  const { remote: attic, starts } = remote({ held: () => holds.held('test') });
  const settled = () => attic.settled();
  const started = attic.ensureRunning(never);
  await expect.poll(starts, { timeout: 20_000 }).toBe(1);
  let isOver = false;
  const first = await holds.hold('test', never, settled);
  void started.then(() => (isOver = true));
  await Promise.resolve();
  expect(isOver, 'a start that has begun is waited for').toBe(true);
  attic.distrust();
  const another = attic.ensureRunning(never);
  const givenUp = expect(attic.ensureRunning(AbortSignal.timeout(50))).rejects.toThrow();
  const second = holds.hold('test', never, settled);
  await givenUp;
  first();
  (await second)();
  await Promise.all([started, another]);
  expect(starts(), 'it runs').toBe(1);
});

test('nobody brings a hive back that was forgotten: not its tunnel, and not its token', async () => {
  const catalog = openMemoryCatalog();
  const hives = new HiveCatalog(catalog, 9000, () => undefined);
  const tokens = new HiveTokens(catalog);
  const paths = homePaths();
  const remotes = new RemoteHives({
    hives,
    tokens,
    shells: new SshShells(paths),
    paths,
    onRunning: () => undefined,
  });
  expect(() => remotes.of(hive)).toThrow("Hive 'test' not found");
  remotes.distrust(hive);
  expect(catalog.collection('hive_tokens').find()).toEqual([]);
});
