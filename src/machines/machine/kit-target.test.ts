import { expect, test } from 'vitest';
import { localMachine } from '../ssh/fixtures/local-shell.ts';
import { ownTarget } from '../kit/target.ts';
import type { Gpu } from './gpus.ts';
import { kitTarget } from './kit-target.ts';
import { plainMachine as machine } from './fixtures/machine.ts';
import { probeMachine, type Machine } from './machine.ts';

test('the output of uname and getconf determines the kind of kit', () => {
  expect(kitTarget(machine)).toEqual({ os: 'linux', arch: 'x64', libc: 'glibc', gpus: [] });
  const oldest = { kind: 'glibc', version: '2.34' } as const;
  expect(kitTarget({ ...machine, arch: 'aarch64', libc: oldest })).toMatchObject({ arch: 'arm64', libc: 'glibc' });
  expect(kitTarget({ ...machine, libc: { kind: 'musl' } })).toMatchObject({ libc: 'musl' });
  expect(kitTarget({ ...machine, libc: { kind: 'other' } }), 'unknown, so it is tried').toMatchObject({ libc: 'glibc' });
  const mac: Machine = { ...machine, os: 'Darwin', arch: 'arm64', libc: { kind: 'other' }, gpus: [gpu('metal')] };
  expect(kitTarget(mac)).toEqual({ os: 'darwin', arch: 'arm64', libc: undefined, gpus: [] });
});

test.each<[Gpu[], string[]]>([
  [[gpu('cuda'), gpu('cuda')], ['cuda']],
  [
    [gpu('vulkan'), gpu('cuda')],
    ['cuda', 'vulkan'],
  ],
  [[gpu('vulkan', 'driver')], ['vulkan']],
  [[gpu('vulkan', 'access')], ['vulkan']],
  [[gpu('cuda', 'driver')], []],
])('a kit for a machine with the GPUs %j contains the engines %j', (gpus, engines) => {
  expect(kitTarget({ ...machine, gpus }).gpus).toEqual(engines);
});

test.each<[Partial<Machine>, string]>([
  [{ arch: 'armv7l' }, 'rbee has no kit for Linux on armv7l'],
  [{ os: 'FreeBSD', arch: 'amd64' }, 'rbee has no kit for FreeBSD on amd64'],
  [{ bits: 32 }, 'rbee has no kit for Linux on x86_64 with 32-bit programs'],
  [{ libc: { kind: 'glibc', version: '2.31' } }, 'The machine has glibc 2.31. The engine needs 2.34 or newer'],
])('the unsupported machine %j is refused with the reason', (change, sentence) => {
  const message = expect.stringContaining(sentence) as string;
  expect(() => kitTarget({ ...machine, ...change })).toThrow(
    expect.objectContaining({ code: 'machine_unsupported', message }) as Error,
  );
});

test('the machine script and Node report the same about this machine', async () => {
  await using here = await localMachine();
  const { gpus: _gpus, ...target } = kitTarget(await probeMachine(here.shell, AbortSignal.timeout(100_000)));
  expect(ownTarget()).toMatchObject(target);
});

function gpu(engine: Gpu['engine'], lacks?: Gpu['lacks']): Gpu {
  return { name: 'One', engine, ...(lacks === undefined ? {} : { lacks }) };
}
