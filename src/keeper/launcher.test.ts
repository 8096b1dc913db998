import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readdir, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';

// ./rbee itself, with the real npm, in a project small enough to be installed and built in a second.

const launcher = join(import.meta.dirname, '../../rbee');
// npm writes what it has installed to node_modules, but only when there is something to install.
const dependencies = { spoon: 'file:spoon' };
const small = { name: 'small', version: '1.0.0', dependencies };
const manifest = { ...small, type: 'module' };
const packages = { '': small, 'node_modules/spoon': { resolved: 'spoon', link: true }, spoon: { version: '1.0.0' } };
const lock = { ...small, lockfileVersion: 3, requires: true, packages };
const build = `import { cpSync, rmSync } from 'node:fs';
rmSync('dist', { recursive: true, force: true });
cpSync('src', 'dist', { recursive: true });`;
const entry = `console.log(JSON.stringify([process.cwd(), ...process.argv.slice(2)]));`;

const INSTALLING = 'rbee: installing packages (once, about 20 s) …\n';
const BUILDING = 'rbee: building (about 1 s) …\n';

/** With a project as it is cloned, and the same project after its first run. */
let templates: string;
const clone = () => join(templates, 'clone');
// With a space, since people have them in their paths, like the project of each test.
const built = () => join(templates, 'my rbee');
let firstRun: Outcome;
/** The project of a test. */
let root: string;

beforeAll(async () => {
  templates = await mkdtemp(join(tmpdir(), 'rbee-launcher-'));
  await writeProject(clone());
  await copyProject(clone(), built());
  root = built();
  firstRun = await run(['infer', 'two words']);
});
afterAll(() => rm(templates, { recursive: true, force: true }));

beforeEach(async () => {
  root = join(await mkdtemp(join(tmpdir(), 'rbee-launcher-')), 'my rbee');
  await copyProject(clone(), root);
});
afterEach(() => rm(dirname(root), { recursive: true, force: true }));

async function writeProject(root: string): Promise<void> {
  await mkdir(join(root, 'src'), { recursive: true });
  await mkdir(join(root, 'scripts'));
  await writeFile(join(root, 'package.json'), JSON.stringify(manifest));
  await writeFile(join(root, 'package-lock.json'), JSON.stringify(lock));
  await mkdir(join(root, 'spoon'));
  await writeFile(join(root, 'spoon/package.json'), '{"name":"spoon","version":"1.0.0"}');
  await writeFile(join(root, 'scripts/build.mjs'), build);
  await writeFile(join(root, 'src/rbee.js'), entry);
  await cp(launcher, join(root, 'rbee'));
}

/** With the times of its files. */
async function copyProject(from: string, to: string): Promise<void> {
  await promisify(execFile)('cp', ['-a', from, to]);
}

interface Outcome {
  code: number;
  stdout: string;
  stderr: string;
}

function run(args: string[] = [], options: { program?: string; path?: string } = {}): Promise<Outcome> {
  const { program = join(root, 'rbee'), path = process.env['PATH'] ?? '' } = options;
  return new Promise((resolve) => {
    execFile(
      '/bin/sh',
      [program, ...args],
      { cwd: tmpdir(), env: { PATH: path, TMPDIR: dirname(root) } },
      (error, stdout, stderr) => {
        resolve({ code: typeof error?.code === 'number' ? error.code : 0, stdout, stderr });
      },
    );
  });
}

/** Neither a lock nor a log of npm is left. */
async function leftovers(project = root): Promise<string[]> {
  const names = [...(await readdir(project)), ...(await readdir(dirname(project)))];
  return names.filter((name) => /lock|rbee-build/.test(name) && name !== 'package-lock.json');
}

const changed = async (file: string) => {
  const later = new Date(Date.now() + 5_000);
  await utimes(join(root, file), later, later);
};

test('the first run installs and builds, with a line for each step; the next run does neither', async () => {
  expect(firstRun).toEqual({
    code: 0,
    stdout: `${JSON.stringify([tmpdir(), 'infer', 'two words'])}\n`,
    stderr: INSTALLING + BUILDING,
  });
  expect(await run([], { program: join(built(), 'rbee') })).toMatchObject({ code: 0, stderr: '' });
  expect(await leftovers(built())).toEqual([]);
});

/** A mkdir that fails `times` times, and then is the real one. */
async function failingMkdir(times: number): Promise<string> {
  const bin = join(dirname(root), 'bin');
  await mkdir(bin);
  const path = process.env['PATH'] ?? '';
  const script = `#!/bin/sh\necho >>"$0.calls"\n[ "$(wc -l <"$0.calls")" -gt ${times} ] || { echo 'mkdir: no' >&2; exit 1; }\nPATH='${path}' exec mkdir "$@"\n`;
  await writeFile(join(bin, 'mkdir'), script, { mode: 0o755 });
  return [bin, path].join(delimiter);
}

describe('a built rbee', () => {
  beforeEach(async () => {
    await rm(root, { recursive: true });
    await copyProject(built(), root);
  });

  test('./rbee builds again after a source has changed, without an install', async () => {
    await changed('src/rbee.js');
    expect(await run()).toMatchObject({ code: 0, stderr: BUILDING });
  });

  test('./rbee installs again after the lockfile has changed', async () => {
    await changed('package-lock.json');
    expect(await run()).toMatchObject({ code: 0, stderr: INSTALLING + BUILDING });
  });

  test('./rbee works through symbolic links', async () => {
    await symlink(join(root, 'rbee'), join(dirname(root), 'absolute'));
    await symlink('absolute', join(dirname(root), 'relative'));
    expect(await run([], { program: join(dirname(root), 'relative') })).toMatchObject({ code: 0, stderr: '' });
  });

  test('./rbee works without its sources, as in an installed package', async () => {
    await rm(join(root, 'src'), { recursive: true });
    await rm(join(root, 'scripts'), { recursive: true });
    expect(await run()).toMatchObject({ code: 0, stderr: '' });
  });

  test('a stale build lock is removed', async () => {
    await changed('src/rbee.js');
    await mkdir(join(root, '.rbee-build.lock'));
    await writeFile(join(root, '.rbee-build.lock/pid'), '4194305\n'); // Over the highest pid of Linux.
    const outcomes = await Promise.all([run(), run(), run()]);
    expect(outcomes.map(({ code }) => code)).toEqual([0, 0, 0]);
    expect(await leftovers()).toEqual([]);
  });

  test('a build lock that is released meanwhile is tried again', async () => {
    await changed('src/rbee.js');
    expect(await run([], { path: await failingMkdir(3) })).toMatchObject({ code: 0, stderr: BUILDING });
  });

  test('a failed build is a sentence and the end of its output, all of which is kept in a file', async () => {
    await writeFile(join(root, 'scripts/build.mjs'), 'throw new RangeError("no room for \\u001b[31mbees")');
    const { code, stdout, stderr } = await run();
    expect({ code, stdout }).toEqual({ code: 7, stdout: '' });
    const [failed = '', ...said] = stderr.replace(BUILDING, '').split('\n');
    expect(failed).toMatch(/^rbee: that failed: node scripts\/build\.mjs \(its output: .*rbee-build\..*\)\. It ends:$/);
    expect(said.join('\n')).toContain('RangeError: no room for [31mbees');
    expect(await leftovers()).toEqual([expect.stringContaining('rbee-build.') as string]);
  });

  test('a failed build that quotes error codes in its output is not reported as an error of npm', async () => {
    await writeFile(join(root, 'scripts/build.mjs'), 'throw new RangeError("CERT E401 EACCES ECONNREFUSED")');
    const { code, stderr } = await run();
    expect(code).toBe(7);
    expect(stderr).toContain('rbee: that failed: node scripts/build.mjs');
    expect(stderr).toContain('RangeError: CERT E401 EACCES ECONNREFUSED');
  });

  test.runIf(existsSync('/proc/self/stat'))('./rbee tells the program that it was started with nohup', async () => {
    await writeFile(join(root, 'src/rbee.js'), "console.log(process.env['RBEE_NOHUP'] ?? 'no')");
    expect(await run()).toMatchObject({ stdout: 'no\n' });
    const nohup = join(dirname(root), 'nohup');
    await writeFile(nohup, `trap '' HUP; exec "${join(root, 'rbee')}"`);
    expect(await run([], { program: nohup })).toMatchObject({ stdout: '1\n' });
  });

  test('a closed stdout stays closed, instead of becoming /dev/null', async () => {
    await writeFile(
      join(root, 'src/rbee.js'),
      "try { (await import('node:fs')).writeSync(1, 'x') } catch (error) { console.error(error.code) }",
    );
    const closed = join(dirname(root), 'closed');
    await writeFile(closed, `exec "${join(root, 'rbee')}" >&-`);
    expect(await run([], { program: closed })).toMatchObject({ stderr: expect.stringMatching(/EBADF\n$/) as string });
  });
});

test('of several first runs at once, one builds and the others wait', async () => {
  const outcomes = await Promise.all([run(), run(), run()]);
  expect(outcomes.map(({ code }) => code)).toEqual([0, 0, 0]);
  expect(outcomes.filter(({ stderr }) => stderr.includes(INSTALLING))).toHaveLength(1);
  expect(await leftovers()).toEqual([]);
});

test('a folder that cannot be written is reported in one sentence with the reason', async () => {
  const { code, stderr } = await run([], { path: await failingMkdir(100) });
  expect({ code, stderr }).toEqual({
    code: 7,
    stderr: `rbee: cannot write to ${root}, so nothing can be built there: mkdir: no\n`,
  });
});

/** An npm that has failed as the real one does. */
async function failingNpm(said: string): Promise<string> {
  const bin = join(dirname(root), 'bin');
  await mkdir(bin);
  await writeFile(join(bin, 'npm'), `#!/bin/sh\n[ "$1" = config ] && exec echo a-place\necho '${said}' >&2\nexit 1\n`, {
    mode: 0o755,
  });
  return [bin, process.env['PATH'] ?? ''].join(delimiter);
}

test.each([
  [
    'npm error code ENOTFOUND\nnpm error network request to https://registry failed',
    'npm cannot reach a-place to install the packages',
  ],
  ['npm error code EAI_AGAIN', 'The first run needs the network; behind a proxy:'],
  ['npm warn tar TAR_ENTRY_ERROR ENOSPC: no space left on device, write', 'the disk is full'],
  ['npm error code EACCES', 'make both writable for your user'],
  ['npm error code SELF_SIGNED_CERT_IN_CHAIN', 'npm does not trust the certificate of its registry'],
  ['npm error code E401', 'requires a login: npm login'],
  ['npm error code EINTEGRITY', 'the digest of a package is not the expected one'],
  ['npm ERR! code UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'npm does not trust the certificate of its registry'],
])('an install that fails with %j is one sentence, without the output of npm', async (said, words) => {
  const { code, stderr } = await run([], { path: await failingNpm(said) });
  expect(code).toBe(7);
  const [step, sentence = '', ...more] = stderr.split('\n');
  expect([`${step}\n`, more]).toEqual([INSTALLING, ['']]);
  expect(sentence).toContain(words);
  expect(sentence).toMatch(/^rbee: .* \(the output of npm: .*rbee-build\..*\)$/);
});

test('the real npm leads to the same sentence when its registry cannot be reached', async () => {
  const registry = 'http://127.0.0.1:9';
  const missing = {
    ...lock,
    packages: { '': { ...small, dependencies: { bee: '1.0.0' } }, 'node_modules/bee': { version: '1.0.0' } },
  };
  await writeFile(join(root, 'package.json'), JSON.stringify({ ...manifest, dependencies: { bee: '1.0.0' } }));
  await writeFile(join(root, 'package-lock.json'), JSON.stringify({ ...missing, dependencies: undefined }));
  await writeFile(join(root, '.npmrc'), `registry=${registry}\nfetch-retries=0\n`);
  const { code, stderr } = await run();
  expect(code).toBe(7);
  expect(stderr.split('\n')).toHaveLength(3);
  expect(stderr).toContain('npm cannot reach');
});

test.each([
  ['an old Node', '#!/bin/sh\necho 18.20.1\n', 'this is 18.20.1'],
  ['no Node', undefined, 'there is no node in PATH'],
])('%s is reported in one sentence', async (_what, program, words) => {
  const bin = join(dirname(root), 'bin');
  await mkdir(bin);
  for (const name of program === undefined ? [] : ['node', 'npm'])
    await writeFile(join(bin, name), program ?? '', { mode: 0o755 });
  const others = program === undefined ? [] : (process.env['PATH'] ?? '').split(delimiter);
  const { code, stderr } = await run([], { path: [bin, ...others].join(delimiter) });
  expect(code).toBe(7);
  expect(stderr).toMatch(new RegExp(`^rbee: Node.js 20.19 or newer is needed, and ${words}: https://nodejs.org\n$`));
});
