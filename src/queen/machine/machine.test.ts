import { execFileSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { MACHINE_SCRIPT, parseMachine, type Machine } from './machine.ts';
import { findings } from './supported.ts';

const said = `Welcome!
rbee-machine-begin
os=Linux
arch=aarch64
bits=64
system=Debian GNU/Linux 12 (bookworm)
libc=glibc 2.36
home=/home/me
disk_free_kib=2000000
gpu=NVIDIA GeForce RTX 3090
gpu=NVIDIA H100 = big
installed=0.1.0-0a1b2c3d4e5f
rbee-machine-end
`;

const machine: Machine = {
  os: 'Linux',
  arch: 'aarch64',
  bits: 64,
  system: 'Debian GNU/Linux 12 (bookworm)',
  libc: { kind: 'glibc', version: '2.36' },
  home: '/home/me',
  disk_free_bytes: 2_048_000_000,
  gpus: ['NVIDIA GeForce RTX 3090', 'NVIDIA H100 = big'],
  installed: '0.1.0',
};

describe('what a machine says of itself', () => {
  test('is read, whatever its login shell said before', () => {
    expect(parseMachine(said)).toEqual(machine);
  });

  test.each([
    ['nothing', ''],
    ['the middle of it', said.replace('rbee-machine-end\n', '')],
    ['no disk', said.replace('2000000', '')],
    ['another libc', said.replace('glibc 2.36', 'glibc two')],
    ['no home', said.replace('/home/me', '')],
    ['lines that are none of it', said.replace('os=Linux', 'os')],
  ])('is refused when it is %s', (_name, text) => {
    expect(() => parseMachine(text)).toThrow(/does not say what it is/);
  });

  test('is said by this very machine', () => {
    const { os, home } = parseMachine(execFileSync('sh', ['-c', MACHINE_SCRIPT]).toString());
    expect({ os, home }).toEqual({ os: execFileSync('uname').toString().trim(), home: process.env['HOME'] });
  });
});

describe('a hive can live', () => {
  const failing = (change: Partial<Machine>) =>
    findings.filter(([, find]) => !find({ ...machine, ...change }).ok).map(([check]) => check);

  test.each<[string, Partial<Machine>, string[]]>([
    ['on Linux with glibc', {}, []],
    ['on a Mac', { os: 'Darwin', arch: 'arm64', system: 'macOS 15.1', libc: { kind: 'other' }, gpus: ['Apple M4'] }, []],
    ['without a GPU', { gpus: [] }, []],
    ['not on another system', { os: 'FreeBSD', arch: 'amd64' }, ['system']],
    ['not on 32-bit programs', { bits: 32 }, ['system']],
    ['not on another processor', { arch: 'armv7l' }, ['system']],
    ['not with musl', { libc: { kind: 'musl' } }, ['libc']],
    ['not with an old glibc', { libc: { kind: 'glibc', version: '2.31' } }, ['libc']],
    ['not on a full disk', { disk_free_bytes: 900_000_000 }, ['disk']],
  ])('%s', (_name, change, checks) => {
    expect(failing(change)).toEqual(checks);
  });

  test('and each failure has its next step', () => {
    const bad: Machine = { ...machine, os: 'Plan9', libc: { kind: 'musl' }, disk_free_bytes: 0 };
    for (const [, find] of findings) {
      const { ok, next } = find(bad);
      expect(next === undefined).toBe(ok);
    }
  });
});
