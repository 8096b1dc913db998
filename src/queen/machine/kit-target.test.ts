import { expect, test } from 'vitest';
import { ownTarget } from '../kit/target.ts';
import { localMachine } from './fixtures/local-shell.ts';
import { probeTarget, targetOf } from './machine.ts';

test('what uname and getconf say becomes the kind of machine', () => {
  expect(targetOf('system Linux\nmachine x86_64\nlibc glibc 2.36\n')).toEqual({ os: 'linux', arch: 'x64', libc: 'glibc' });
  expect(targetOf('system Linux\nmachine aarch64\nlibc glibc 2.34\n')).toEqual({ os: 'linux', arch: 'arm64', libc: 'glibc' });
  expect(targetOf('system Linux\nmachine x86_64\nlibc musl\n')).toEqual({ os: 'linux', arch: 'x64', libc: 'musl' });
  expect(targetOf('system Linux\nmachine x86_64\n')).toEqual({ os: 'linux', arch: 'x64', libc: 'glibc' });
  expect(targetOf('system Linux\nmachine x86_64\nlibc glibc 2.36\ngpu cuda\n')).toMatchObject({ hasCuda: true });
  expect(targetOf('system Darwin\nmachine arm64\n')).toEqual({ os: 'darwin', arch: 'arm64', libc: undefined });
});

test.each([
  ['system Linux\nmachine armv7l\nlibc glibc 2.36\n', 'rbee has no kit for Linux on armv7l'],
  ['system FreeBSD\nmachine amd64\n', 'rbee has no kit for FreeBSD on amd64'],
  ['', 'rbee has no kit for ? on ?'],
  ['system Linux\nmachine x86_64\nlibc glibc 2.31\n', 'The machine has glibc 2.31, and the engine needs 2.34 or newer'],
])('a machine that no kit runs on is refused with what it is: %j', (answer, sentence) => {
  const message = expect.stringContaining(sentence) as string;
  expect(() => targetOf(answer)).toThrow(expect.objectContaining({ code: 'machine_unsupported', message }) as Error);
});

test('this machine says of itself what Node says of it', async () => {
  await using machine = await localMachine();
  expect(await probeTarget({ shell: machine.shell, signal: AbortSignal.timeout(10_000) })).toEqual(ownTarget());
});
