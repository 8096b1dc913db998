import { createHash } from 'node:crypto';
import { lstat, mkdir, mkdtemp, open, readdir, readFile, readlink, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { execFileSync, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { canMount, smallDisk } from '../src/daemon/fixtures/temporary-folder.ts';
import { inJob } from '../src/narration/index.ts';
import { JobError, type JobEvent } from '../src/contract/index.ts';
import { localMachine, type LocalMachine } from '../src/machines/ssh/fixtures/local-shell.ts';
import {
  install,
  startRemote,
  statusRemote,
  stopRemote,
  requireOwn,
  uninstall,
  type HiveSite,
} from '../src/machines/install/index.ts';
import { withLock } from '../src/machines/install/lock.ts';
import { makeKit, type Kit } from '../src/machines/kit/index.ts';
import { kitTarget, probeMachine } from '../src/machines/machine/index.ts';
import { kitFolder, putLayers, unpackedLayers, type LargeLayer } from './support/kit-cache.ts';
import { otherPackage } from './support/other-package.ts';
import { freePorts } from './support/swarm.ts';

const packageRoot = fileURLToPath(new URL('..', import.meta.url));
const token = 'a-token-of-this-fleet';
/** Of other versions. */
let packages: string;
let kit: Kit;

beforeAll(async () => {
  packages = await mkdtemp(join(tmpdir(), 'rbee-packages-'));
  await unpackedLayers();
  await using machine = await localMachine();
  const signal = AbortSignal.timeout(200_000);
  kit = await makeKit(kitTarget(await probeMachine(machine.shell, signal)), { packageRoot, cache: kitFolder() }, signal);
});

afterAll(() => rm(packages, { recursive: true, force: true }));

test('an install starts a hive that requires its token and runs a model, a second install sends nothing, and an uninstall leaves nothing', async () => {
  await using machine = await hiveMachine({ isNew: true });
  const before = await treeOf(machine.home);
  const first = await machine.install();
  expect(first).toMatchObject({ port: machine.port, version: kit.version, started: true });
  expect(await healthOf(machine.port, token)).toMatchObject({
    role: 'hive',
    name: 'attic',
    version: kit.version,
    pid: first.pid,
  });
  expect(await statusOf(machine.port, '/health', {})).toBe(401);
  expect((await lstat(join(machine.home, '.rbee'))).mode & 0o777).toBe(0o700);
  expect((await lstat(join(machine.home, '.rbee/token'))).mode & 0o777).toBe(0o600);
  expect(await commandLine(first.pid)).not.toContain(token);
  expect(await readdir(join(machine.home, '.rbee/layers'))).toHaveLength(2);
  // The kit is complete: with what was sent, the hive loads a model and answers.
  await loadModel(machine.port);

  const sent = machine.shell.sentBytes;
  expect(await machine.install()).toEqual({ ...first, started: false });
  expect(machine.shell.sentBytes - sent).toBe(token.length);

  expect(await stopRemote(machine.site)).toEqual({ stopped: true });
  expect(await stopRemote(machine.site)).toEqual({ stopped: false });
  expect(await statusRemote(machine.site)).toEqual({ installed: kit.folder, running: undefined });
  const again = await startRemote(machine.site, { token });
  expect(again, 'the port is the previous one').toMatchObject({ port: machine.port, started: true });

  expect((await uninstall(machine.site, { keepModels: false })).freedBytes).toBeGreaterThan(100_000_000);
  expect(await treeOf(machine.home)).toEqual(before);
  expect(await uninstall(machine.site, { keepModels: false })).toEqual({ freedBytes: 0, hasLeftModels: false });
  await expect(startRemote(machine.site, { token })).rejects.toMatchObject({ code: 'hive_not_installed' });
});

test('an uninstall with --keep-models keeps models for the next hive, and reports that there were some', async () => {
  await using machine = await hiveMachine();
  await machine.install();
  const model = join(machine.home, '.rbee/home/data/models/bee.gguf');
  await mkdir(dirname(model), { recursive: true });
  await writeFile(model, 'bee');
  expect(await uninstall(machine.site, { keepModels: true })).toMatchObject({ hasLeftModels: true });
  expect((await treeOf(machine.home)).filter((path) => !path.endsWith('/'))).toEqual(['.rbee/home/data/models/bee.gguf']);
  expect(await readFile(model, 'utf8')).toBe('bee');
});

const bash = existsSync('/bin/bash') ? '/bin/bash' : undefined;

test('an uninstall with --keep-models reports that there were no models; the scripts also run in bash as sh', async () => {
  await using machine = await hiveMachine(bash === undefined ? {} : { sh: bash });
  const before = await treeOf(machine.home);
  await machine.install();
  expect(await uninstall(machine.site, { keepModels: true })).toMatchObject({ hasLeftModels: false });
  expect(await treeOf(machine.home)).toEqual(before);
});

test('a hive is stopped and removed even if its pidfiles, its program or its folder are damaged or deleted', async () => {
  await using machine = await hiveMachine();
  const { pid } = await machine.install();
  const run = join(machine.home, '.rbee/home/state/run');
  await loadModel(machine.port);
  // A user's command that only mentions the folder is not an rbee process.
  const log = join(machine.home, '.rbee/home/state/logs/hive.log');
  const reader = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1e6)', log], { stdio: 'ignore' });
  const rbeeProcesses = async () => (await processesOf(machine.home)).filter((each) => each !== reader.pid);
  expect((await rbeeProcesses()).length).toBe(2);
  const pidfiles = (await readdir(run)).filter((name) => name.endsWith('.json'));
  for (const name of pidfiles) await writeFile(join(run, name), '{"pid":1,');
  await writeFile(join(machine.home, '.rbee/starting'), 'rm -rf /');
  expect(await stopRemote(machine.site)).toEqual({ stopped: true });
  expect(await rbeeProcesses()).toEqual([]);

  expect((await startRemote(machine.site, { token })).pid).not.toBe(pid);
  await rm(run, { recursive: true });
  await rm(join(machine.home, '.rbee/current'));
  expect(await stopRemote(machine.site)).toEqual({ stopped: true });
  expect(await rbeeProcesses()).toEqual([]);

  await symlink(join('versions', kit.folder), join(machine.home, '.rbee/current'));
  await startRemote(machine.site, { token });
  expect(await rbeeProcesses()).not.toEqual([]);
  await rm(join(machine.home, '.rbee'), { recursive: true });
  await uninstall(machine.site, { keepModels: false });
  expect(await rbeeProcesses()).toEqual([]);
  expect(await readdir(machine.home)).toEqual([]);
  reader.kill();
});

test.runIf(canMount)(
  'a hive on a disk that has become read-only can be stopped, and one on a full disk can be uninstalled',
  async () => {
    await using disk = await smallDisk({ freeBytes: 240_000_000 });
    await using machine = await hiveMachine({ home: disk.path });
    await machine.install();
    // As a kernel does after a disk error: open files stay writable, and no other file can be opened for writing.
    execFileSync('mount', ['--bind', disk.path, disk.path]);
    execFileSync('mount', ['-o', 'remount,bind,ro', disk.path]);
    const message = expect.stringMatching(
      /The hive is stopped, but not all of it could be removed: .*Read-only file system/s,
    ) as string;
    try {
      await expect(uninstall(machine.site, { keepModels: false })).rejects.toMatchObject({ code: 'install_failed', message });
      expect(await processesOf(machine.home)).toEqual([]);
    } finally {
      execFileSync('umount', [disk.path]);
    }

    await startRemote(machine.site, { token });
    await writeFile(join(disk.path, 'big'), Buffer.alloc(120_000_000)).catch(() => undefined);
    await expect(writeFile(join(disk.path, 'more'), 'x'.repeat(100_000))).rejects.toThrow('ENOSPC');
    expect(await processesOf(machine.home)).not.toEqual([]);
    expect((await uninstall(machine.site, { keepModels: false })).freedBytes).toBeGreaterThan(100_000_000);
    expect(await processesOf(machine.home)).toEqual([]);
    for (const name of ['big', 'more']) await rm(join(disk.path, name), { force: true });
    expect(await readdir(disk.path)).toEqual([]);
  },
);

test('after a closed connection, an install continues the transfer, even if the old sender still writes, and sends a corrupted layer again', async () => {
  await using machine = await hiveMachine({ lacks: 'engine' });
  const { engine, rbee } = kit.layers;
  const half = Math.floor(engine.sizeBytes / 2);
  machine.shell.cutAfterBytes = half;
  await expect(machine.install()).rejects.toMatchObject({ code: 'ssh_unreachable' });
  expect((await lstat(partOf(machine, engine.digest))).size).toBe(half);
  expect(await readdir(join(machine.home, '.rbee'))).not.toContain('lock');

  // A part of the other layer with the right length and wrong bytes.
  await writeFile(partOf(machine, rbee.digest), '');
  await truncate(partOf(machine, rbee.digest), rbee.sizeBytes);
  // It has not noticed its closed connection.
  const late = await open(partOf(machine, engine.digest), 'a');
  const rest = (await readFile(engine.path)).subarray(half);
  let at = 0;
  machine.shell.sentBytes = 0;
  const writing = setInterval(() => {
    if (machine.shell.sentBytes > 0) void late.write(rest.subarray(at, (at += 20_000)));
  }, 5);
  const events = await machine.installAloud().finally(() => clearInterval(writing));
  await late.close();
  expect(at).toBeGreaterThan(0);
  expect(machine.shell.sentBytes).toBe(engine.sizeBytes - half + rbee.sizeBytes + token.length);
  expect(saidIn(events)).toMatch(/sending engine: [\d.]+ MB, after the [\d.]+ MB that are already there/);
  expect(saidIn(events).match(/the layer .* sending again/g)).toEqual(['the layer rbee arrived corrupted: sending again']);
  const last = events.findLast(({ kind }) => kind === 'progress');
  expect(last?.data).toMatchObject({ action: 'hive_install', done: rbee.sizeBytes, total: rbee.sizeBytes, unit: 'bytes' });
});

test.runIf(canMount)(
  'a disk that is too small is reported before anything is sent, with the needed and the free space',
  async () => {
    await using disk = await smallDisk({ freeBytes: 50_000_000 });
    await using machine = await hiveMachine({ home: disk.path, isNew: true });
    const message = expect.stringMatching(/needs [\d.]+ MB .* 50\.0 MB are free/) as string;
    await expect(machine.install()).rejects.toMatchObject({ code: 'disk_full', message });
    expect(machine.shell.sentBytes).toBe(0);
    expect(await readdir(disk.path)).toEqual([]);
  },
);

test('of two concurrent installs, the second one fails and names the first; a stale lock is taken over', async () => {
  await using machine = await hiveMachine();
  const first = machine.install();
  await expect.poll(() => existsSync(join(machine.home, '.rbee/lock/holder'))).toBe(true);
  const message = expect.stringMatching(
    /Another install on this machine is in progress by the queen on .* \(process \d+\)/,
  ) as string;
  await expect(machine.install()).rejects.toMatchObject({ code: 'install_failed', message });
  await first;
  const isTaken = () => withLock(machine.site, async () => true);
  await writeLock(
    machine,
    { host: (await import('node:os')).hostname(), pid: process.pid, started: 'long ago', id: 'x' },
    Date.now(),
  );
  expect(await isTaken()).toBe(true);
  const message2 = expect.stringContaining('on elsewhere') as string;
  await writeLock(machine, { host: 'elsewhere', pid: 1, started: 'x', id: 'x' }, Date.now());
  await expect(machine.install()).rejects.toMatchObject({ code: 'install_failed', message: message2 });
  await writeLock(machine, { host: 'elsewhere', pid: 1, started: 'x', id: 'x' }, Date.now() - 200_000);
  await machine.install();
  // Interrupted in the middle of a write.
  await writeLock(machine, { host: 'elsewhere', pid: 1, started: 'x', id: 'x' }, NaN);
  expect(await isTaken()).toBe(true);
});

test('the hive of another fleet is neither installed over, stopped nor removed', async () => {
  await using machine = await hiveMachine();
  await mkdir(join(machine.home, '.rbee'));
  await writeFile(join(machine.home, '.rbee/fleet'), 'another\n');
  const refusal = { code: 'install_failed', message: expect.stringContaining('rm ~/.rbee/fleet') as string };
  await expect(machine.install()).rejects.toMatchObject(refusal);
  await expect(uninstall(machine.site, { keepModels: false })).rejects.toMatchObject(refusal);
  await expect(stopRemote(machine.site)).rejects.toMatchObject(refusal);
  const found = await probeMachine(machine.shell, AbortSignal.timeout(100_000));
  await expect(requireOwn(machine.site, found)).rejects.toMatchObject(refusal);
  expect(await readdir(join(machine.home, '.rbee'))).toEqual(['fleet']);
  await rm(join(machine.home, '.rbee'), { recursive: true });
});

test('a machine has one hive: under another name, it is neither installed, started, stopped nor removed', async () => {
  await using machine = await hiveMachine();
  const other = { ...machine.site, hiveId: 'other' };
  const fleet = join(machine.home, '.rbee/fleet');
  // An interrupted first install does not reserve the machine.
  machine.shell.cutAfterBytes = 1_000_000;
  await expect(install(other, { kit, token })).rejects.toMatchObject({ code: 'ssh_unreachable' });
  const { pid } = await machine.install();
  expect(await readFile(fleet, 'utf8')).toBe('this-fleet\n"attic"\n');
  const refusal = { code: 'install_failed', message: "there is the hive 'attic'" };
  await expect(install(other, { kit, token })).rejects.toMatchObject(refusal);
  await expect(startRemote(other, { token })).rejects.toMatchObject(refusal);
  await expect(stopRemote(other)).rejects.toMatchObject(refusal);
  await expect(uninstall(other, { keepModels: false })).rejects.toMatchObject(refusal);
  const found = await probeMachine(machine.shell, AbortSignal.timeout(100_000));
  await expect(requireOwn(other, found)).rejects.toMatchObject(refusal);
  await requireOwn(machine.site, found);
  expect(await readdir(join(machine.home, '.rbee'))).not.toContain('lock');
  expect(await healthOf(machine.port, token)).toMatchObject({ pid });

  // The next install records the name of a hive that has no record.
  await writeFile(fleet, 'this-fleet\n');
  expect(await machine.install()).toMatchObject({ pid });
  expect(await readFile(fleet, 'utf8')).toBe('this-fleet\n"attic"\n');

  await rm(fleet);
  expect((await install(other, { kit, token })).pid).not.toBe(pid);
  await expect(machine.install()).rejects.toMatchObject({ message: "there is the hive 'other'" });
  await uninstall(other, { keepModels: false });
});

describe('a hive whose version changes', () => {
  let machine: HiveMachine;
  beforeAll(async () => {
    machine = await hiveMachine();
    await machine.install();
  });
  afterAll(() => machine[Symbol.asyncDispose]());

  test('a kit that does not run on the machine is refused before the old hive is stopped', async () => {
    const { pid } = await machine.install();
    const alien = await otherVersion('9.9.7', 'console.error("GLIBC_2.99 not found"); process.exit(1);\n');
    const message = expect.stringContaining('GLIBC_2.99 not found') as string;
    await expect(machine.install(alien)).rejects.toMatchObject({ code: 'machine_unsupported', message });
    expect(await healthOf(machine.port, token)).toMatchObject({ pid });
  });

  test('a cancelled install restores the previous hive', async () => {
    const slow = await otherVersion(
      '9.9.6',
      'if (process.argv[3] === "run") Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 60_000);\n',
    );
    const cancel = new AbortController();
    const site = { ...machine.site, signal: cancel.signal };
    const installing = install(site, { kit: slow, token });
    await expect.poll(() => readlink(join(machine.home, '.rbee/current'))).toBe(`versions/${slow.folder}`);
    cancel.abort(new DOMException('no more', 'AbortError'));
    await expect(installing).rejects.toMatchObject({ name: 'AbortError' });
    expect(await healthOf(machine.port, token)).toMatchObject({ version: kit.version });
  });

  test('an upgrade sends only the small layer and replaces the old version; if the new one does not start, the old one is restored', async () => {
    const broken = await otherVersion(
      '9.9.8',
      'if (process.argv[3] === "run") { console.error("the new one is broken"); process.exit(3); }\n',
    );
    const failed = expect.stringMatching(/the new one is broken[^]*The previous version, .*, is restored and running/) as string;
    await expect(machine.install(broken)).rejects.toMatchObject({ code: 'install_failed', message: failed });
    expect(await healthOf(machine.port, token)).toMatchObject({ version: kit.version });
    expect(await readdir(join(machine.home, '.rbee/versions'))).toEqual([kit.folder]);

    machine.shell.sentBytes = 0;
    const better = await otherVersion('9.9.9', '');
    expect(await machine.install(better)).toMatchObject({ version: '9.9.9', port: machine.port, started: true });
    expect(machine.shell.sentBytes).toBe(better.layers.rbee.sizeBytes + token.length);
    expect(await healthOf(machine.port, token)).toMatchObject({ version: '9.9.9' });
    expect(await readlink(join(machine.home, '.rbee/current'))).toBe(`versions/${better.folder}`);
    expect(await readdir(join(machine.home, '.rbee/versions'))).toEqual([better.folder]);
  });
});

/** Has the hive answer with the tiny model. */
async function loadModel(port: number): Promise<void> {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  const body = JSON.stringify({ operation: 'infer', model: 'tiny', prompt: 'Hello' });
  const posted = await fetch(`http://127.0.0.1:${port}/v1/jobs`, { method: 'POST', headers, body });
  const { job_id } = (await posted.json()) as { job_id: string };
  const stream = await (await fetch(`http://127.0.0.1:${port}/v1/jobs/${job_id}/stream`, { headers })).text();
  expect(stream).toContain('event: result');
}

interface HiveMachine extends LocalMachine {
  port: number;
  site: HiveSite;
  install(kit?: Kit): ReturnType<typeof install>;
  installAloud(): Promise<JobEvent[]>;
}

/**
 * On disposal, everything is stopped, and no process may be left.
 * @param options with `isNew` everything is sent to it; otherwise it has the large layers, but the one that it lacks
 */
async function hiveMachine(
  options: { home?: string; sh?: string; isNew?: boolean; lacks?: LargeLayer } = {},
): Promise<HiveMachine> {
  const machine = await localMachine(options);
  const [port = 0] = await freePorts(1);
  const site = siteOf(machine);
  const folder = join(machine.home, '.rbee');
  const run = async (which = kit) => {
    if (options.isNew !== true && !existsSync(folder)) await putLayers(machine.home, { lacks: options.lacks, isHere: true });
    return install(site, { kit: which, token, port });
  };
  return {
    ...machine,
    port,
    site,
    install: run,
    async installAloud() {
      const events: JobEvent[] = [];
      await inJob({ actor: 'queen-rbee', jobId: 'job-1', correlationId: 'c', emit: (event) => events.push(event) }, () => run());
      return events;
    },
    async [Symbol.asyncDispose]() {
      await rm(join(machine.home, '.rbee/lock'), { recursive: true, force: true });
      await uninstall(site, { keepModels: false });
      const left = await processesOf(machine.home);
      for (const pid of left) process.kill(pid, 'SIGKILL');
      await machine[Symbol.asyncDispose]();
      expect(left).toEqual([]);
    },
  };
}

function siteOf(machine: LocalMachine): HiveSite {
  return {
    shell: machine.shell,
    signal: AbortSignal.timeout(1_000_000),
    fleet: 'this-fleet',
    hiveId: 'attic',
    occupied: async (by) => new JobError('install_failed', `there is the hive '${by}'`),
  };
}

/** A kit of another rbee version, which runs `first` before anything else. */
async function otherVersion(version: string, first: string): Promise<Kit> {
  const root = await otherPackage(join(packages, `rbee-${version}`), version);
  const entry = join(root, 'dist/rbee.js');
  const [shebang = '', ...lines] = (await readFile(entry, 'utf8')).split('\n');
  await writeFile(entry, `${shebang}\n${first}${lines.join('\n')}`);
  return makeKit(kit.target, { packageRoot: root, cache: kitFolder() }, AbortSignal.timeout(200_000));
}

function partOf({ home }: LocalMachine, digest: string): string {
  return join(home, '.rbee/layers', `${digest}.part`);
}

async function writeLock({ home }: LocalMachine, holder: object, at: number): Promise<void> {
  await mkdir(join(home, '.rbee/lock'), { recursive: true });
  await writeFile(join(home, '.rbee/lock/holder'), `${JSON.stringify(holder)}\n`);
  await writeFile(join(home, '.rbee/lock/beat'), `${Math.floor(at / 1000)}\n`);
}

async function statusOf(port: number, path: string, headers: Record<string, string>): Promise<number> {
  return (await fetch(`http://127.0.0.1:${port}${path}`, { headers })).status;
}

async function healthOf(port: number, bearer: string): Promise<unknown> {
  return (await fetch(`http://127.0.0.1:${port}/health`, { headers: { authorization: `Bearer ${bearer}` } })).json();
}

async function commandLine(pid: number): Promise<string> {
  return existsSync(`/proc/${pid}/cmdline`) ? readFile(`/proc/${pid}/cmdline`, 'utf8') : '';
}

/** By their command lines; Linux only. */
async function processesOf(home: string): Promise<number[]> {
  if (!existsSync('/proc/self/cmdline')) return [];
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  // A process may exit meanwhile.
  const lines = await Promise.all(pids.map((pid) => commandLine(pid).catch(() => '')));
  return pids.filter((_pid, at) => lines[at]?.includes(`${home}/.rbee/`));
}

/** Files with a digest of their contents, folders with a slash. */
async function treeOf(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = entries.map(async (entry) => {
    const path = join(entry.parentPath, entry.name);
    const name = path.slice(folder.length + 1);
    if (!entry.isFile()) return `${name}/`;
    return existsSync(join(folder, '.rbee/home/data/models'))
      ? name
      : `${name} ${createHash('sha256')
          .update(await readFile(path))
          .digest('hex')}`;
  });
  return (await Promise.all(paths)).toSorted();
}

function saidIn(events: readonly JobEvent[]): string {
  return events.flatMap((event) => (event.kind === 'narration' ? [event.data.human] : [])).join('\n');
}
