import { expect, test } from 'vitest';
import type { SshTarget } from './entities.ts';
import { hiveAndSshFlags, sshFlags, sshLogin, sshName } from './ssh-words.ts';

test.each<[SshTarget, string, string, string]>([
  [{ host: 'attic' }, 'attic', 'attic', '--ssh-host attic'],
  [{ host: 'attic', user: 'me' }, 'me@attic', 'me@attic', '--ssh-host attic --ssh-user me'],
  [{ host: 'attic', user: 'me', port: 22 }, 'me@attic:22', '-p 22 me@attic', '--ssh-host attic --ssh-user me --ssh-port 22'],
])('an SSH target, %o, has one spelling for people, one for ssh and one for rbee', (target, name, login, flags) => {
  expect([sshName(target), sshLogin(target), sshFlags(target)]).toEqual([name, login, flags]);
});

test('a hive with the name of its host needs no --ssh-host', () => {
  expect(hiveAndSshFlags('attic', { host: 'attic' })).toBe('attic');
  expect(hiveAndSshFlags('attic', { host: 'attic', port: 22 })).toBe('attic --ssh-port 22');
  expect(hiveAndSshFlags('attic', { host: 'roof' })).toBe('attic --ssh-host roof');
});
