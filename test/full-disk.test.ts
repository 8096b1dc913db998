import { execFileSync, spawnSync } from 'node:child_process';
import { readdir, rm, mkdtemp, mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ask } from './support/streams.ts';
import { ENDLESS, leftovers, testSwarm, type Swarm } from './support/swarm.ts';
import { until } from './support/until.ts';

const TINY = new URL('../models/rbee-tiny-Q8_0.gguf', import.meta.url).pathname;
const mayMount = process.getuid?.() === 0 && process.platform === 'linux';

interface SmallDisk extends AsyncDisposable {
  home: string;
  /** To the last byte, or with nothing but files. */
  fill(how?: 'files'): void;
  free(): Promise<void>;
}

async function smallDisk(options: string): Promise<SmallDisk> {
  const disk = await mkdtemp(join(tmpdir(), 'rbee-disk-'));
  execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', disk]);
  const home = join(disk, 'home');
  const filler = join(disk, 'filler');
  await mkdir(home);
  const script = { bytes: 'cat /dev/zero > "$0"', files: 'mkdir "$0"; for n in $(seq 10000); do true > "$0/$n" || break; done' };
  return {
    home,
    fill: (how) => void execFileSync('sh', ['-c', `{ ${script[how ?? 'bytes']}; } 2>/dev/null || true`, filler]),
    free: () => rm(filler, { recursive: true }),
    async [Symbol.asyncDispose]() {
      // A process that has just ended may still hold it.
      await until(() => spawnSync('umount', [disk]).status === 0);
      await rm(disk, { recursive: true });
    },
  };
}

async function works(swarm: Swarm, args: string[]): Promise<string> {
  const { code, stdout, stderr } = await swarm.rbee(args);
  expect([args.join(' '), code, stderr]).toEqual([args.join(' '), 0, expect.any(String)]);
  return stdout;
}

function kill(home: string): void {
  for (const pid of leftovers(home)) process.kill(pid, 'SIGKILL');
}

test.skipIf(!mayMount)(
  'on a full disk everything can be read and models can be deleted; then all works again without a restart; a running job ends with disk_full (needs root, to mount a small disk)',
  async () => {
    await using disk = await smallDisk('size=16m');
    await using swarm = await testSwarm({ home: disk.home });
    await works(swarm, ['infer', 'hello', '-q']);
    await ask(swarm, 'model_download', { model: TINY, name: 'copy' });
    const { workers } = await ask(swarm, 'worker_list');
    const { jobs } = JSON.parse(await (await fetch(`${swarm.queenUrl}/v1/jobs?operation=infer`)).text()) as {
      jobs: { job_id: string }[];
    };
    disk.fill();
    const refused = await swarm.rbee(['infer', 'hello', '-q']);
    expect([refused.code, refused.stderr]).toEqual([7, expect.stringMatching(/disk.*full.*rbee model delete/is)]);
    const [{ worker_id } = {}] = workers;
    const logs = ['logs', jobs[0]?.job_id ?? ''];
    for (const args of [['status'], ['jobs'], logs, ['model', 'list'], ['queen', 'logs']]) await works(swarm, args);
    await ask(swarm, 'hive_list');
    for (const operation of ['worker_get', 'worker_delete'] as const) await ask(swarm, operation, { worker_id });
    const doctor = await swarm.rbee(['doctor']);
    expect([doctor.code, doctor.stdout]).toEqual([7, expect.stringMatching(/disk/i)]);
    // The queen and the hive are needed to make room: they start on what was held free for that.
    kill(disk.home);
    disk.fill();
    const started = await swarm.rbee(['queen', 'start']);
    expect([started.code, started.stderr]).toEqual([0, expect.stringMatching(/the disk is full \(.*rbee model delete/)]);
    await works(swarm, ['model', 'delete', 'copy']);
    expect(await works(swarm, ['infer', 'hello', '-q'])).not.toBe('');
    const running = swarm.start(ENDLESS);
    await running.says('stdout', /.{20}/s);
    disk.fill();
    const hit = await running.ended;
    expect([hit.code, hit.stderr]).toEqual([7, expect.stringMatching(/Error: .*disk.*full.*\n.*space/i)]);
    await works(swarm, ['down']);
    await disk.free();
  },
);

test.skipIf(!mayMount)(
  'a disk without free inodes is a full disk, with the same ways out (needs root, to mount a small disk)',
  async () => {
    await using disk = await smallDisk('size=64m,nr_inodes=400');
    await using swarm = await testSwarm({ home: disk.home });
    await works(swarm, ['model', 'download', TINY, '--name', 'copy']);
    disk.fill('files');
    expect((await swarm.rbee(['infer', 'hello', '-q'])).code).toBe(7);
    await works(swarm, ['status']);
    kill(disk.home);
    await works(swarm, ['model', 'delete', 'copy']);
    await disk.free();
    await works(swarm, ['infer', 'hello', '-q']);
    expect(await readdir(join(disk.home, 'data/models'))).not.toContain('copy.gguf');
  },
);
