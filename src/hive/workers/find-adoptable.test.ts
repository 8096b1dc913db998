import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ensureDirectory, homePaths, processStart, type HomePaths } from '../../daemon/index.ts';
import { findAdoptable } from './find-adoptable.ts';

let home: string;
let paths: HomePaths;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'rbee-adopt-'));
  paths = homePaths({ RBEE_HOME: home });
  await ensureDirectory(paths.run);
});
afterEach(() => rm(home, { recursive: true }));

async function writeWorkerPidfile(pid: number, started: string): Promise<void> {
  const extra = { id: 'worker-1', hiveId: 'localhost', model: 'tiny', modelPath: '/tiny.gguf' };
  const pidfile = { role: 'worker', name: 'worker-1', host: '127.0.0.1', port: 9, version: '0.1.0', pid, started, extra };
  await writeFile(join(paths.run, 'worker-1.json'), `${JSON.stringify(pidfile)}\n`);
}

const adopt = () => findAdoptable({ hiveId: 'localhost', paths });

/** A process whose group has the pid of its parent, which has ended: so do all programs that daemonize themselves. */
async function daemonized(): Promise<{ group: number; pid: number; started: string }> {
  const shell = spawn('sh', ['-c', 'sleep 60 >/dev/null 2>&1 & echo $!'], {
    detached: true,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const [line] = (await once(shell.stdout, 'data')) as [Buffer];
  await once(shell, 'close');
  const pid = Number(String(line));
  return { group: shell.pid ?? 0, pid, started: (await processStart(pid)) ?? '' };
}

test('a pidfile from before a reboot does not kill a process group that has the same number now', async () => {
  const other = await daemonized();
  try {
    await writeWorkerPidfile(other.group, '00000000-0000-0000-0000-000000000000:123');
    expect(await adopt()).toEqual({ adoptable: [], dead: ['worker-1'] });
    expect(await readdir(paths.run)).toEqual([]);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(await processStart(other.pid)).toBe(other.started);
  } finally {
    try {
      process.kill(other.pid);
    } catch {
      // Killed already: the test has failed.
    }
  }
});

test('a pidfile with a pid that is no worker’s does not prevent the start of a hive', async () => {
  await writeWorkerPidfile(1, '00000000-0000-0000-0000-000000000000:123');
  expect(await adopt()).toEqual({ adoptable: [], dead: ['worker-1'] });
});
