import assert from 'node:assert/strict';
import { chmod, mkdir, readdir, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { buildPrograms, type Programs } from './fixtures/programs.ts';
import { canMount, smallDisk, temporaryFolder } from './fixtures/temporary-folder.ts';
import { probe } from './health.ts';
import { MAX_LOG_BYTES } from './logs.ts';
import { homePaths } from './paths.ts';
import { listPidfiles, readPidfile } from './pidfile.ts';
import { firstFreePort } from './ports.ts';
import { processStart } from './process-start.ts';
import type { StartStep } from './start-message.ts';
import { startDaemon, type DaemonStart, type StartedDaemon } from './start.ts';
import { stopProcess } from './stop.ts';

let programs: Programs;
beforeAll(async () => {
  programs = await buildPrograms();
});
afterEach(async () => {
  // A daemon that failed to start has ended when startDaemon throws, and the others are disposed of by their test.
  expect(await programs.stillRunning()).toEqual([]);
});
afterAll(() => programs[Symbol.asyncDispose]());

/** A folder with a log, and what all starts below have in common. */
async function bench() {
  const folder = await temporaryFolder();
  const logFile = join(folder.path, 'logs/attic.log');
  const usual: DaemonStart = { name: 'attic', entry: programs.entry('daemon'), args: [], logFile, readyWithinMs: 100_000 };
  return { ...folder, logFile, usual, log: () => readFile(logFile, 'utf8') };
}

/** Stops the daemon at the end of the test, as a keeper would. */
function stoppedAfterwards<T extends { pid: number }>(daemon: T): T & AsyncDisposable {
  return {
    ...daemon,
    async [Symbol.asyncDispose]() {
      const started = await processStart(daemon.pid);
      if (started !== undefined) await stopProcess({ name: 'attic', pid: daemon.pid, started }, { graceMs: 5_000 });
    },
  };
}

test('a started daemon reports its steps and that it is ready, and answers at its port', async () => {
  await using here = await bench();
  const steps: StartStep[] = [];
  const onStep = (step: StartStep) => steps.push(step);
  await using daemon = stoppedAfterwards(await startDaemon({ ...here.usual, args: ['0', here.path], onStep }));
  expect(steps.map(({ kind }) => kind)).toEqual(['narration', 'progress']);
  expect(daemon.extra).toMatchObject({ slots: 4 });
  expect(await probe('127.0.0.1', daemon.port, { withinMs: 60_000 })).toMatchObject({
    kind: 'rbee',
    health: { role: 'hive', pid: daemon.pid },
  });
  expect(await listPidfiles(here.path)).toMatchObject([{ kind: 'found', pidfile: { pid: daemon.pid, port: daemon.port } }]);
  expect(await here.log()).toContain('this is the log of a start');
});

test('the starter is notified when its daemon exits, and no process is left', async () => {
  await using here = await bench();
  const daemon = await startDaemon({ ...here.usual, args: ['0', here.path] });
  process.kill(daemon.pid, 'SIGTERM');
  expect(await daemon.ended).toEqual({ exitCode: 0, signal: null });
  expect(await listPidfiles(here.path)).toEqual([]);
  expect(await here.log()).toContain('this daemon ends in peace');
});

test('a daemon outlives its starter, in its own session', async () => {
  await using here = await bench();
  await using starter = programs.run('starter', programs.entry('daemon'), here.logFile);
  expect(await starter.line()).toBe('binding the port');
  await using daemon = stoppedAfterwards(JSON.parse(await starter.line()) as StartedDaemon);
  expect(await starter.ended).toEqual({ exitCode: 0, signal: null });
  expect(await probe('127.0.0.1', daemon.port, { withinMs: 60_000 })).toMatchObject({ kind: 'rbee' });
  expect(() => process.kill(-daemon.pid, 0)).not.toThrow();
});

test('a daemon becomes ready even if its starter is killed during the start', async () => {
  await using here = await bench();
  const killed = join(here.path, 'killed');
  await using starter = programs.run('starter', programs.entry('daemon'), here.logFile, '0', here.path, killed);
  expect(await starter.line()).toBe('binding the port');
  starter.child.kill('SIGKILL');
  await starter.ended;
  // Only now the daemon continues, and no process receives its messages.
  await writeFile(killed, '');
  await expect.poll(() => listPidfiles(here.path), { interval: 20 }).toHaveLength(1);
  const read = await readPidfile(here.path, 'attic');
  assert(read.kind === 'found');
  await using daemon = stoppedAfterwards(read.pidfile);
  expect(await probe('127.0.0.1', daemon.port, { withinMs: 60_000 })).toMatchObject({ kind: 'rbee' });
  expect(await here.log()).toBe('this is the log of a start on port 0\n');
});

test('a daemon finds a home given relative to the working directory of its starter', async () => {
  await using here = await bench();
  const before = process.env['RBEE_HOME'];
  process.env['RBEE_HOME'] = 'fleet';
  try {
    await using daemon = stoppedAfterwards(await startDaemon(here.usual));
    expect(daemon.extra).toMatchObject({ cwd: '/', home: join(process.cwd(), 'fleet') });
    const found = await probe('127.0.0.1', daemon.port, { withinMs: 60_000 });
    expect(found).toMatchObject({ kind: 'rbee', health: { home: homePaths().homeId } });
  } finally {
    if (before === undefined) delete process.env['RBEE_HOME'];
    else process.env['RBEE_HOME'] = before;
  }
});

test('of two starters that race for a port, one succeeds, and the other gets port_taken and leaves no process', async () => {
  await using here = await bench();
  const port = await firstFreePort({ first: 42_000, last: 43_000 }, '127.0.0.1');
  const race = [1, 2].map(() => startDaemon({ ...here.usual, args: [String(port), here.path] }));
  const results = await Promise.allSettled(race);
  const winners = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  const losers = results.flatMap((result) => (result.status === 'rejected' ? [result.reason as unknown] : []));
  assert(winners[0] !== undefined);
  await using winner = stoppedAfterwards(winners[0]);
  expect(losers).toMatchObject([{ code: 'port_taken', message: `Port ${port} is taken.`, origin: 'rbee-hive' }]);
  expect(await probe('127.0.0.1', port, { withinMs: 60_000 })).toMatchObject({ kind: 'rbee', health: { pid: winner.pid } });
  expect(await listPidfiles(here.path)).toMatchObject([{ pidfile: { pid: winner.pid } }]);
});

test('a daemon that exits before it is ready fails the start with the end of its log', async () => {
  await using here = await bench();
  const start = startDaemon({ ...here.usual, entry: programs.entry('crashing-daemon') });
  await expect(start).rejects.toMatchObject({
    code: 'daemon_start_failed',
    message: `attic exited with code 3 before it was ready. Its log, ${here.logFile}, ends:\n${[7, 8, 9, 10, 11, 12, 13, 14, 15]
      .map((line) => `line ${line}`)
      .join('\n')}\nthe engine has no memory left`,
  });
  const silent = startDaemon({ ...here.usual, entry: programs.entry('crashing-daemon'), args: ['SIGABRT'] });
  await expect(silent).rejects.toMatchObject({ message: expect.stringContaining('was ended by SIGABRT') as string });
});

test('a missing entry fails the start, and its path is in the message', async () => {
  await using here = await bench();
  await expect(startDaemon({ ...here.usual, entry: '/nowhere/rbee.js' })).rejects.toMatchObject({
    code: 'daemon_start_failed',
    message: expect.stringContaining("Cannot find module '/nowhere/rbee.js'") as string,
  });
});

test('a program that the system does not start fails the start with the reason', async () => {
  await using here = await bench();
  await expect(startDaemon({ ...here.usual, args: ['x'.repeat(8 * 1024 * 1024)] })).rejects.toMatchObject({
    code: 'daemon_start_failed',
    message: expect.stringContaining('attic could not be started: Error: spawn E2BIG') as string,
  });
});

test('a daemon that is not ready in time is killed even if it ignores SIGTERM, and the message names its last step', async () => {
  await using here = await bench();
  await mkdir(join(here.path, 'logs'));
  await writeFile(here.logFile, 'the output of an earlier start, which is not part of this one\n');
  const start = { ...here.usual, entry: programs.entry('stubborn-daemon'), readyWithinMs: 3_000 };
  await expect(startDaemon(start)).rejects.toMatchObject({
    code: 'deadline_exceeded',
    message: `attic was not ready within 3 s. Its last step: loading a model of 40 GB. Its log, ${here.logFile}, ends:\nhere I am\nno`,
  });
});

test('a cancelled start ends its process', async () => {
  await using here = await bench();
  const controller = new AbortController();
  const { signal } = controller;
  await expect(startDaemon({ ...here.usual, signal, onStep: () => controller.abort() })).rejects.toMatchObject({
    code: 'cancelled',
    message: 'The start of attic was cancelled.',
  });
  await expect(startDaemon({ ...here.usual, signal })).rejects.toMatchObject({ code: 'cancelled' });
});

test('a log over its maximum size is rotated at the start, and replaces an older one', async () => {
  await using here = await bench();
  await mkdir(join(here.path, 'logs'));
  await writeFile(`${here.logFile}.1`, 'the oldest');
  await writeFile(here.logFile, 'the old one');
  await truncate(here.logFile, MAX_LOG_BYTES + 1);
  await using daemon = stoppedAfterwards(await startDaemon(here.usual));
  expect(daemon.port).toBeGreaterThan(0);
  expect(await readdir(join(here.path, 'logs'))).toEqual(['attic.log', 'attic.log.1']);
  expect((await readFile(`${here.logFile}.1`, 'latin1')).slice(0, 11)).toBe('the old one');
  expect(await here.log()).toBe('this is the log of a start on port 0\n');
});

test.runIf(canMount)('no daemon is started if its log cannot be written, and the error says why', async () => {
  await using here = await bench();
  await using readOnly = await smallDisk('read-only');
  await expect(startDaemon({ ...here.usual, logFile: join(readOnly.path, 'attic.log') })).rejects.toMatchObject({
    code: 'daemon_start_failed',
    message: expect.stringContaining('attic.log: the file system is read-only.') as string,
  });
  await using full = await smallDisk('no-more-files');
  await expect(startDaemon({ ...here.usual, logFile: join(full.path, 'logs/attic.log') })).rejects.toMatchObject({
    code: 'disk_full',
    message: expect.stringContaining('the disk is full. Free some space.') as string,
  });
});

test.skipIf(process.getuid?.() === 0)('a log without write access is an error that says what to do', async () => {
  await using here = await bench();
  await chmod(here.path, 0o500);
  await expect(startDaemon(here.usual)).rejects.toMatchObject({
    message: expect.stringContaining('permission denied') as string,
  });
});
