import { execFile } from 'node:child_process';
import { lstat, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { testSwarm, type Swarm } from './support/swarm.ts';

const run = promisify(execFile);
const packageRoot = fileURLToPath(new URL('..', import.meta.url));
const MOST_BYTES = 120_000_000;

const why = await run('npm', ['view', 'libsql@0.5.29', 'version', '--fetch-retries=0']).then(
  () => undefined,
  () => "npm's registry cannot be reached",
);
if (why !== undefined && process.env['CI'] === 'true') throw new Error(why);

describe.skipIf(why !== undefined)(`rbee as npm installs it${why === undefined ? '' : `: ${why}`}`, () => {
  let folder: string;
  let installed: string;
  let swarm: Swarm;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'rbee-package-'));
    // What is built is packed as it is: building it again would take it away from the other tests.
    await run('npm', ['pack', '--ignore-scripts', '--pack-destination', folder], { cwd: packageRoot });
    const [file = ''] = (await readdir(folder)).filter((name) => name.endsWith('.tgz'));
    const prefix = join(folder, 'prefix');
    await run('npm', ['install', '--global', '--prefix', prefix, join(folder, file), '--no-audit', '--no-fund']);
    installed = join(prefix, 'lib', 'node_modules', 'rbee');
    swarm = await testSwarm();
    swarm.entry = join(prefix, 'bin', 'rbee');
  });

  afterAll(async () => {
    await swarm[Symbol.asyncDispose]();
    await rm(folder, { recursive: true });
  });

  test('weighs less than 120 MB, and brings no packages but those with native code', async () => {
    const packages = (await readdir(join(installed, 'node_modules'))).filter((name) => !name.startsWith('.'));
    expect(packages.toSorted()).toEqual(['@libsql', '@neon-rs', '@node-llama-cpp', 'detect-libc', 'libsql']);
    expect(await bytesIn(installed)).toBeLessThan(MOST_BYTES);
  });

  test('answers', async () => {
    const { stdout, stderr } = await swarm.rbee(['infer', 'What is 2 + 3?']);
    expect(stdout, stderr).toBe('2 plus 3 is 5.\n');
  });

  test('runs through a link to its link', async () => {
    const link = join(folder, 'bee');
    await symlink(swarm.entry, link);
    const { stdout } = await run(link, ['status', '--json'], { env: swarm.env });
    expect(stdout).toContain('"event":"result"');
  });

  test.runIf(process.platform === 'linux')('reports a binary that was damaged after it had been used', async () => {
    await swarm.rbee(['down']);
    const bins = join(installed, 'node_modules', '@node-llama-cpp', `${process.platform}-${process.arch}`, 'bins');
    const [name = ''] = await readdir(bins);
    await writeFile(join(bins, name, 'llama-addon.node'), 'no longer a binary');
    const { code, stderr } = await swarm.rbee(['infer', 'What is 2 + 3?']);
    expect(stderr).toContain('The engine has no binary for this machine');
    expect(code).not.toBe(0);
  });
});

async function bytesIn(path: string): Promise<number> {
  const entry = await lstat(path);
  if (!entry.isDirectory()) return entry.size;
  const sizes = await Promise.all((await readdir(path)).map((name) => bytesIn(join(path, name))));
  return sizes.reduce((sum, size) => sum + size, 0);
}
