import { describe, expect, test } from 'vitest';
import { JobError } from '../../contract/index.ts';
import { sshArguments, targetName } from './openssh.ts';

describe('the arguments of ssh', () => {
  test('never ask, give up soon, and put the host after all options', () => {
    const argv = sshArguments({ target: { host: 'attic', port: 2222, user: 'me' }, command: 'true' });
    expect(argv).toEqual(expect.arrayContaining(['BatchMode=yes', 'ConnectTimeout=5', 'ServerAliveInterval=2']));
    expect(argv.slice(-7)).toEqual(['-p', '2222', '-l', 'me', '--', 'attic', 'true']);
  });

  test('leave which host keys are trusted to the user', () => {
    const argv = sshArguments({ target: { host: 'attic' } }).join(' ');
    expect(argv).not.toMatch(/HostKey|KnownHosts/i);
  });

  test.each([
    { host: '-oProxyCommand=id' },
    { host: '' },
    { host: 'a b' },
    { host: 'me@attic' },
    { host: 'attic\n' },
    { host: 'attic', user: '-x' },
    { host: 'attic', user: 'a b' },
    { host: 'attic', port: 0 },
    { host: 'attic', port: 65_536 },
  ])('are not made for %j', (target) => {
    expect(() => sshArguments({ target })).toThrow(JobError);
  });
});

test.each([
  [{ host: 'attic' }, 'attic'],
  [{ host: 'attic', user: 'me' }, 'me@attic'],
  [{ host: '192.0.2.7', user: 'me', port: 22 }, 'me@192.0.2.7:22'],
])('%j is called %s', (target, name) => {
  expect(targetName(target)).toBe(name);
});
