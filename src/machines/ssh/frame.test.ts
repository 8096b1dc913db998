import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { temporaryFolder } from '../../daemon/fixtures/temporary-folder.ts';
import { Frame, OUTPUT_LIMIT_BYTES } from './frame.ts';

const shells = ['sh', 'dash', 'bash', 'zsh', 'fish', 'csh', 'tcsh', 'ksh', 'mksh'];
const isInstalled = (shell: string) => spawnSync(shell, ['-c', 'true']).error === undefined;
const installed = shells.filter(isInstalled);

/** Characters that are special to some shell, and arbitrary text. */
const words = fc.array(
  fc
    .oneof(fc.string({ unit: fc.constantFrom(...`'"\\!$\`*?~#&|;<>(){}[]=%^, \tab0\n`) }), fc.string({ unit: 'grapheme' }))
    .map((word) => word.replaceAll('\0', '')),
  { minLength: 1, maxLength: 5 },
);

const ECHO = `# it's "said"\ncat <<'X'\n\\$here\nX\nfor each in "$@"; do printf "%s\\0" "$each"; done # end`;

function run(shell: string, script: string, { args = [], env }: { args?: string[]; env?: Record<string, string> } = {}) {
  const frame = new Frame();
  const all = env === undefined ? process.env : { PATH: process.env['PATH'], ...env };
  const { stdout, stderr } = spawnSync(shell, ['-c', frame.command(script, args)], { env: all });
  frame.push(stdout);
  return { frame, stderr: frame.wordsOf(stderr.toString()) };
}

describe.each(installed)('the login shell %s', (shell) => {
  test('passes every argument unchanged to a script of several lines', () => {
    fc.assert(
      fc.property(words, (args) => {
        expect(run(shell, ECHO, { args }).frame.output).toBe(`\\$here\n${args.map((word) => `${word}\0`).join('')}`);
      }),
      { numRuns: 20 },
    );
  });

  test.each([0, 1, 254, 255])('reports exit status %i of a script, with its stdout and stderr', (status) => {
    const { frame, stderr } = run(shell, `echo said; echo why >&2; exit ${status}`);
    expect({ status: frame.status, output: frame.output, stderr }).toEqual({ status, output: 'said\n', stderr: 'why\n' });
  });
});

/** On many systems sh is bash, which imports functions from its environment. */
test.runIf(isInstalled('bash'))('functions, options and a PATH that a start-up file exports do not affect a script', async () => {
  await using folder = await temporaryFolder();
  const rc = join(folder.path, 'rc');
  const lines = ['cd() { echo elsewhere; }', 'tar() { :; }', 'printf() { :; }', 'env() { :; }', 'exec() { echo no; }'];
  const exported = 'export -f cd tar printf env; set -eux; export SHELLOPTS; PATH=/nowhere; unset -f exec';
  writeFileSync(rc, `${lines.join('\n')}\n${exported}\n`);
  const { frame, stderr } = run('bash', 'cd / && pwd; command -v tar; echo "$-"; printf done', {
    env: { BASH_ENV: rc, HOME: '/' },
  });
  expect(frame.output).toMatch(/^\/\n\/.*tar\n[^eux]*\ndone$/);
  expect({ status: frame.status, stderr }).toEqual({ status: 0, stderr: '' });
});

describe('output beside that of the script', () => {
  const mark = '0123456789abcdef01234567';
  const said = spawnSync('sh', ['-c', new Frame(mark).command('printf "one\ntwo"')]).stdout;

  test('is left out, before and after, without a line feed, and in chunks of any size', () => {
    const words = ['os=BeOS\n', '\x1b]0;attic\x07', 'fleet of cars\n', 'lacks nothing', mark.slice(0, 20)];
    const noise = fc.oneof(fc.constantFrom('', ...words), fc.string());
    fc.assert(
      fc.property(noise, noise, fc.integer({ min: 1, max: 60 }), (before, after, size) => {
        const frame = new Frame(mark);
        const all = Buffer.concat([Buffer.from(before), said, Buffer.from(after)]);
        for (let at = 0; at < all.length; at += size) frame.push(all.subarray(at, at + size));
        expect({ output: frame.output, status: frame.status }).toEqual({ output: 'one\ntwo', status: 0 });
        expect(frame.noise).toEqual({ words: before, bytes: Buffer.byteLength(before) });
      }),
    );
  });

  test('may be long: little of it is kept, and endless output is detected', () => {
    const frame = new Frame(mark);
    for (let count = 0; count < 300; count += 1) frame.push(Buffer.alloc(65_536, 'noise '));
    expect(frame.noise.words.length).toBeLessThan(1_000);
    expect(frame).toMatchObject({ begun: false, isTooLong: false });
    frame.push(said);
    expect(frame.output).toBe('one\ntwo');
    const endless = new Frame(mark);
    for (let count = 0; count < 1_100; count += 1) endless.push(Buffer.alloc(65_536));
    expect(endless.isTooLong).toBe(true);
  });

  test('too much output of the script itself is detected, and a malformed end mark ends the frame with status 254', () => {
    const frame = new Frame(mark);
    frame.push(Buffer.concat([Buffer.from(`${mark}b\n`), Buffer.alloc(OUTPUT_LIMIT_BYTES + 100)]));
    expect(frame.isTooLong).toBe(true);
    const odd = new Frame(mark);
    odd.push(Buffer.from(`${mark}b\n${mark}ewrong`));
    expect(odd.status).toBe(254);
  });
});
