import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest';
import type { Hive } from '../../contract/index.ts';
import { startTestDaemon, type TestDaemon } from '../../jobs/fixtures/test-daemon.ts';
import { openMemoryCatalog } from '../../jobs/index.ts';
import { HiveCatalog } from './hive-catalog.ts';
import { HiveTokens } from './hive-tokens.ts';
import { StartLocks } from './start-locks.ts';
import { LocalHive } from './local-hive.ts';
import { Reach } from './reach.ts';
import { RemoteHives } from './remote-hives.ts';
import { homePaths } from '../../daemon/index.ts';
import { SshShells } from '../../machines/index.ts';
import { RemoteHive, type RemoteHiveOptions } from './remote-hive.ts';

/**
 * In the place of ssh: records that it was called, and runs the command here, or denies the login. On request over its socket, it
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

const occupied = () => Promise.reject(new Error('no other hive is there'));

const unwatched = { isStopped: () => false, onRunning: () => undefined };

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
    locks: new StartLocks(),
    ...unwatched,
    ...options,
  });
  onTestFinished(async () => {
    await made.close();
    await end();
  });
  return { remote: made, end, starts: () => starts };
}

test('a hive that an installer has started on another port is called there, and not started again', async () => {
  const { remote: attic, end, starts } = remote();
  await attic.ensureRunning(never);
  await end();
  await using elsewhere = await startTestDaemon({ handlers: {}, token: 'secret' });
  attic.runsAt(elsewhere.peer.port);
  attic.markStale();
  await attic.ensureRunning(never);
  expect(starts()).toBe(1);
});

test('a hive that exits while it has no work is restarted in the background', async () => {
  const { remote: attic, end, starts } = remote();
  await attic.maintain(never);
  expect(starts()).toBe(1);
  await end();
  await attic.maintain(never);
  expect(starts()).toBe(2);
});

test('a machine that has denied the login is not tried again in the background, and is tried for a job', async () => {
  await writeFile(join(bin, 'denied'), '');
  const { remote: attic } = remote();
  for (let times = 1; times <= 3; times += 1) await expect(attic.maintain(never)).rejects.toMatchObject({ code: 'ssh_denied' });
  expect(await calls()).toBe(1);
  await expect(attic.ensureRunning(never)).rejects.toMatchObject({ code: 'ssh_denied' });
  expect(await calls()).toBe(2);
});

test('a hive that was removed gets no tunnel', async () => {
  const { remote: attic, starts } = remote();
  await attic.close();
  await expect(attic.ensureRunning(never)).rejects.toMatchObject({ code: 'hive_unreachable' });
  expect([await calls(), starts()]).toEqual([0, 0]);
});

test('while an installer has the lock of a hive, no job starts it', async () => {
  const locks = new StartLocks();
  const { remote: attic, starts } = remote({ locks });
  const settled = () => attic.settled();
  const started = attic.ensureRunning(never);
  await expect.poll(starts).toBe(1);
  let isOver = false;
  const first = await locks.lock('test', never, settled);
  void started.then(() => (isOver = true));
  await Promise.resolve();
  expect(isOver, 'a start that is under way is waited for').toBe(true);
  attic.markStale();
  const another = attic.ensureRunning(never);
  const givenUp = expect(attic.ensureRunning(AbortSignal.timeout(50))).rejects.toThrow();
  const second = locks.lock('test', never, settled);
  await givenUp;
  first();
  (await second)();
  await Promise.all([started, another]);
  expect(starts(), 'it runs').toBe(1);
});

test('a call to a hive that was removed brings neither its tunnel back nor its token', async () => {
  const catalog = openMemoryCatalog();
  const hives = new HiveCatalog(catalog, 9000, () => undefined);
  const tokens = new HiveTokens(catalog);
  const paths = homePaths();
  const remotes = new RemoteHives({
    hives,
    tokens,
    shells: new SshShells(paths),
    paths,
    locks: new StartLocks(),
    onRunning: () => undefined,
  });
  expect(() => remotes.of(hive)).toThrow("Hive 'test' not found");
  const locks = new StartLocks();
  const localHive = new LocalHive({ paths, port: 9000, onStarted: () => undefined });
  new Reach({ hives, localHive, remotes, locks, token: undefined }).markStale(hive);
  expect(catalog.collection('hive_tokens').find()).toEqual([]);
});
