import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { temporaryFolder } from './fixtures/temporary-folder.ts';
import { isOfThisBoot, isSinceBoot, processStart as ownStart, startFromProc, startFromPs } from './process-start.ts';

const ways = [
  { way: '/proc', processStart: startFromProc, works: process.platform === 'linux' },
  { way: 'ps', processStart: startFromPs, works: process.platform !== 'win32' },
].filter(({ works }) => works);

/** A program that runs until disposed. */
function running(command: string, args: string[]) {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  return {
    pid: child.pid ?? 0,
    stdout: child.stdout,
    async end() {
      if (child.exitCode === null && child.signalCode === null && child.kill('SIGKILL')) await once(child, 'exit');
    },
    async [Symbol.asyncDispose]() {
      await this.end();
    },
  };
}

describe.each(ways)('the start of a process, from $way:', ({ processStart }) => {
  test('it stays the same while the process runs, and is undefined after its exit', async () => {
    await using sleeper = running('sleep', ['60']);
    const start = await processStart(sleeper.pid);
    expect(start).toMatch(/\S+/);
    expect(await processStart(sleeper.pid)).toBe(start);
    expect(await processStart(1)).not.toBe(start);
    await sleeper.end();
    expect(await processStart(sleeper.pid)).toBeUndefined();
  });

  test('spaces and parentheses in the name of the command do not change it', async () => {
    await using folder = await temporaryFolder();
    const command = join(folder.path, 'a) Z 1 (b');
    await symlink('/bin/sleep', command);
    await using sleeper = running(command, ['60']);
    expect(await processStart(sleeper.pid)).toMatch(/\d\d/);
    expect(await processStart(sleeper.pid)).toBe(await processStart(sleeper.pid));
  });

  test('it is undefined for a zombie, although its pid still exists', async () => {
    await using parent = running('sh', ['-c', 'sleep 60 & echo $!; wait']);
    const [pid] = (await once(createInterface(parent.stdout), 'line')) as [string];
    // A parent that is stopped does not ask how its child has ended.
    process.kill(parent.pid, 'SIGSTOP');
    const state = () => promisify(execFile)('ps', ['-o', 'stat=', '-p', String(parent.pid)]).then(({ stdout }) => stdout);
    await expect.poll(state, { interval: 10 }).toMatch(/^T/);
    process.kill(Number(pid), 'SIGKILL');
    await expect.poll(() => processStart(Number(pid)), { interval: 10 }).toBeUndefined();
    expect(process.kill(Number(pid), 0)).toBe(true);
  });
});

test('a start is of this boot if it is that of a running process, and not if it comes from before a reboot', async () => {
  expect(await isOfThisBoot((await ownStart(process.pid)) ?? '')).toBe(true);
  expect(await isOfThisBoot('00000000-0000-0000-0000-000000000000:123')).toBe(false);
  expect(await isOfThisBoot('Thu Jan  1 00:00:00 1970')).toBe(false);
});

test('a start from ps is compared with the time of the boot', async () => {
  const start = (await startFromPs(process.pid)) ?? '';
  const startedAt = Date.now() - process.uptime() * 1_000;
  expect(isSinceBoot(start, startedAt - 5_000)).toBe(true);
  expect(isSinceBoot(start, startedAt + 5_000)).toBe(false);
  expect(isSinceBoot('not a time')).toBe(false);
});
