import { execFileSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { findings } from './findings.ts';
import type { Gpu } from './gpus.ts';
import { plainMachine } from './fixtures/machine.ts';
import { parseMachine, type Machine } from './machine.ts';
import { MACHINE_SCRIPT } from './script.ts';

const said = `Welcome!
rbee-machine-begin
os=Linux
arch=x86_64
bits=64
system=Debian GNU/Linux 12 (bookworm)
libc=glibc 2.36
packages=apt
home=/home/me
write=yes
run=yes
clock=1800000000
disk_free_kib=2000000
nvidia=NVIDIA GeForce RTX 3090
nvidia=NVIDIA H100 = big
vulkan_loader=no
installed=0.1.0-0a1b2c3d4e5f
rbee-machine-end
`;

/** The time on its clock. */
const now = 1_800_000_000_000;

const machine: Machine = {
  ...plainMachine,
  gpus: [
    { name: 'NVIDIA GeForce RTX 3090', engine: 'cuda' },
    { name: 'NVIDIA H100 = big', engine: 'cuda' },
  ],
  installed: '0.1.0',
};

describe("a machine's report", () => {
  test('is parsed, whatever the login shell printed before it', () => {
    expect(parseMachine(said, now)).toEqual(machine);
  });

  test('contains the fleet and the name of an installed hive', () => {
    const owned = said.replace(/(?=rbee-machine-end)/, 'fleet=1a2b3c4d\nhive="my attic"\n');
    expect(parseMachine(owned, now)).toEqual({ ...machine, fleet: '1a2b3c4d', hive: '"my attic"' });
  });

  test.each([
    ['empty', ''],
    ['incomplete', said.replace('rbee-machine-end\n', '')],
    ['without disk space', said.replace('2000000', '')],
    ['with an unknown libc', said.replace('glibc 2.36', 'glibc two')],
    ['without a home folder', said.replace('/home/me', '')],
    ['with a malformed line', said.replace('os=Linux', 'os')],
    ['without the result of the write', said.replace('write=yes', 'write=')],
    ['with a malformed GPU', said.replace('vulkan_loader=', 'card=of gold\nvulkan_loader=')],
  ])('is refused when it is %s', (_name, text) => {
    expect(() => parseMachine(text)).toThrow(/report cannot be parsed/);
  });

  test('without a needed program is refused with the name of the program', () => {
    expect(() => parseMachine(`rbee-machine-begin\nlacks=tr\nos=\nrbee-machine-end\n`)).toThrow('The machine has no tr.');
  });

  test('is printed by the script on this machine', () => {
    const { os, home } = parseMachine(execFileSync('sh', ['-c', MACHINE_SCRIPT]).toString());
    expect({ os, home }).toEqual({ os: execFileSync('uname').toString().trim(), home: process.env['HOME'] });
  });
});

describe('the GPUs of a machine', () => {
  const mesa = 'vulkan_loader=yes\nvulkan_driver=radeon_icd.x86_64.json\nvulkan_driver=lvp_icd.x86_64.json';
  const gpusIn = (...lines: string[]) =>
    parseMachine(said.replace(/nvidia=.*\n/g, '').replace('vulkan_loader=no', lines.join('\n'))).gpus;

  test.each([
    ['1002:73bf 0000:03:00.0 open Navi 21 [Radeon RX 6800/6800 XT / 6900 XT]', 'AMD Radeon RX 6800/6800 XT / 6900 XT'],
    ['1002:15bf 0000:c4:00.0 open Phoenix1', 'AMD Phoenix1'],
    ['1002:740c 0000:03:00.0 open AMD Instinct MI250X', 'AMD Instinct MI250X'],
    ['1002:73bf 0000:03:00.0 open Device 73bf', 'AMD GPU 1002:73bf'],
    ['1002:73bf 0000:03:00.0 open', 'AMD GPU 1002:73bf'],
  ])('have a name, for the card: %s', (card, name) => {
    expect(gpusIn(mesa, `card=${card}`)).toEqual([{ name, engine: 'vulkan' }]);
  });

  test('include cards of Intel, and not its integrated GPUs', () => {
    const intel = mesa.replace('radeon', 'intel');
    expect(gpusIn(intel, 'card=8086:a7a0 0000:00:02.0 open Raptor Lake-P [Iris Xe Graphics]')).toEqual([]);
    expect(gpusIn(intel, 'card=8086:56a0 0000:03:00.0 open DG2 [Arc A770]')).toEqual([
      { name: 'Intel Arc A770', engine: 'vulkan' },
    ]);
  });

  test.each<[Gpu['lacks'], string]>([
    ['driver', mesa.replace('yes', 'no')],
    ['driver', mesa.replace('radeon', 'nvidia')],
    ['driver', 'vulkan_loader=yes'],
  ])('lack a %s with the facts: %s', (lacks, facts) => {
    expect(gpusIn(facts, 'card=1002:73bf 0000:03:00.0 open')).toMatchObject([{ lacks }]);
  });

  test('may lack access for this user, or their device', () => {
    expect(gpusIn(mesa, 'card=1002:73bf 0000:03:00.0 closed')).toMatchObject([{ lacks: 'access' }]);
    expect(gpusIn(mesa, 'card=1002:73bf 0000:03:00.0 absent')).toMatchObject([{ lacks: 'device' }]);
  });

  test('of NVIDIA are listed by its driver, or by the kernel where the driver is missing', () => {
    const card = 'card=10de:2684 0000:01:00.0 open AD102 [GeForce RTX 4090]';
    expect(gpusIn(mesa, card, 'nvidia=NVIDIA GeForce RTX 4090')).toEqual([{ name: 'NVIDIA GeForce RTX 4090', engine: 'cuda' }]);
    expect(gpusIn(mesa, card)).toEqual([{ name: 'NVIDIA GeForce RTX 4090', engine: 'cuda', lacks: 'driver' }]);
  });

  const amd: Gpu = { name: 'AMD Radeon RX 6800', engine: 'vulkan' };
  const nvidia: Gpu = { name: 'NVIDIA H100', engine: 'cuda' };
  const finding = (change: Partial<Machine>) => findings.find(([check]) => check === 'gpu')?.[1]({ ...machine, ...change });

  test.each<[string, Partial<Machine>, string, string?]>([
    ['none', { gpus: [] }, 'none; models run on the CPU'],
    ['two kinds', { gpus: [nvidia, amd] }, 'NVIDIA H100 (CUDA), AMD Radeon RX 6800 (Vulkan)'],
    ['a Mac', { os: 'Darwin', arch: 'arm64', gpus: [{ name: 'Apple M4', engine: 'metal' }] }, 'Apple M4 (Metal)'],
    ['ARM', { arch: 'aarch64', gpus: [nvidia, { ...amd, lacks: 'driver' }] }, 'rbee has no engine for it'],
    [
      'no driver',
      { gpus: [{ ...amd, lacks: 'driver' }] },
      'AMD Radeon RX 6800 (Vulkan, but its driver is missing)',
      'sudo apt install libvulkan1 mesa-vulkan-drivers',
    ],
    [
      'no driver and no apt',
      { packages: 'other', gpus: [{ ...amd, lacks: 'driver' }] },
      'driver is missing',
      'with its package manager',
    ],
    [
      'no driver of NVIDIA',
      { gpus: [{ ...nvidia, lacks: 'driver' }] },
      'CUDA, but its driver is missing',
      "Install NVIDIA's driver",
    ],
    ['no access', { gpus: [{ ...amd, lacks: 'access' }] }, 'this user has no access to it', 'usermod -aG render'],
    ['no device', { gpus: [{ ...amd, lacks: 'device' }] }, 'it is not in /dev/dri', 'ls -l /dev/dri'],
  ])('are one line of the check, with a next step where something is missing: %s', (_name, change, says, next) => {
    const found = finding(change);
    expect(found).toMatchObject({ ok: true, says: expect.stringContaining(says) as string });
    expect(found?.next ?? '').toContain(next ?? '');
    expect(found?.next === undefined).toBe(next === undefined);
  });

  test('that lack the same thing share one next step', () => {
    const lacks = 'driver';
    expect(
      finding({
        gpus: [
          { ...amd, lacks },
          { ...amd, lacks },
          { ...nvidia, lacks },
        ],
      })?.next?.split('\n'),
    ).toHaveLength(2);
  });
});

describe('the checks of a machine', () => {
  const failing = (change: Partial<Machine>) =>
    findings.filter(([, find]) => !find({ ...machine, ...change }).ok).map(([check]) => check);

  test.each<[string, Partial<Machine>, string[]]>([
    ['pass on Linux with glibc', {}, []],
    ['pass on a Mac', { os: 'Darwin', arch: 'arm64', system: 'macOS 15.1', libc: { kind: 'other' } }, []],
    ['pass without a GPU', { gpus: [] }, []],
    ['pass with an unknown C library', { libc: { kind: 'other' } }, []],
    ['fail on an unsupported system', { os: 'FreeBSD', arch: 'amd64' }, ['system']],
    ['fail with 32-bit programs', { bits: 32 }, ['system']],
    ['fail on an unsupported processor', { arch: 'armv7l' }, ['system']],
    ['fail with musl', { libc: { kind: 'musl' } }, ['libc']],
    ['fail with an old glibc', { libc: { kind: 'glibc', version: '2.31' } }, ['libc']],
    ['fail on a full disk', { disk_free_bytes: 900_000_000, write_error: 'No space left on device' }, ['disk']],
    ['fail on an exceeded quota', { room_error: 'fallocate failed: Disk quota exceeded' }, ['disk']],
    ['fail with a read-only home folder', { write_error: 'Read-only file system' }, ['home']],
    ['fail where no program may run', { run_error: 'Permission denied' }, ['home']],
    ['fail without tar', { lacks: ['tar', 'gzip'] }, ['tools']],
    ['pass with a wrong clock', { clock_ahead_s: -400 * 86_400 }, []],
  ])('%s', (_name, change, checks) => {
    expect(failing(change)).toEqual(checks);
  });

  test('report a clock that is off by more than a day', () => {
    const [, system] = findings[0] ?? [];
    expect(system?.({ ...machine, clock_ahead_s: -400 * 86_400 }).says).toContain("its clock is 400 days behind this machine's");
    expect(system?.({ ...machine, clock_ahead_s: 7_200 })).not.toHaveProperty('next');
  });

  test('have a next step for each failure', () => {
    const unfit = { disk_free_bytes: 0, lacks: ['tar'], run_error: 'Permission denied' };
    const bad: Machine = { ...machine, os: 'Plan9', libc: { kind: 'musl' }, ...unfit };
    for (const [, find] of findings) {
      const { ok, next } = find(bad);
      expect(next === undefined).toBe(ok);
    }
  });
});
