import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Duplex } from 'node:stream';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ensureDirectory, homePaths, type HomePaths } from '../../daemon/index.ts';
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

/** A process whose group has the pid of its parent, which has ended: so do all programs that daemonize themselves. It echoes lines. */
async function daemonized(): Promise<{ group: number; echo: (line: string) => Promise<unknown>; end: () => void }> {
  // Not stdin, which Node closes when the shell ends.
  const shell = spawn('sh', ['-c', 'cat <&3 >&3 &'], { detached: true, stdio: ['ignore', 'ignore', 'ignore', 'pipe'] });
  await once(shell, 'exit');
  const pipe = shell.stdio[3] as Duplex;
  const lines = createInterface({ input: pipe })[Symbol.asyncIterator]();
  const echo = async (line: string) => {
    pipe.write(`${line}\n`);
    const { value } = (await lines.next()) as IteratorResult<string, undefined>;
    return value;
  };
  return { group: shell.pid ?? 0, echo, end: () => pipe.destroy() };
}

test('a pidfile from before a reboot does not kill a process group that has the same number now', async () => {
  const other = await daemonized();
  try {
    await writeWorkerPidfile(other.group, '00000000-0000-0000-0000-000000000000:123');
    expect(await other.echo('before')).toBe('before');
    expect(await adopt()).toEqual({ adoptable: [], dead: ['worker-1'] });
    expect(await readdir(paths.run)).toEqual([]);
    // A killed process reads no further line, and its end closes the pipe.
    expect(await other.echo('after')).toBe('after');
  } finally {
    other.end();
  }
});

test('a pidfile with a pid that is no worker’s does not prevent the start of a hive', async () => {
  await writeWorkerPidfile(1, '00000000-0000-0000-0000-000000000000:123');
  expect(await adopt()).toEqual({ adoptable: [], dead: ['worker-1'] });
});
