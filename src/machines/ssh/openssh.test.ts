import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { JobError } from '../../contract/index.ts';
import { temporaryFolder } from '../../daemon/fixtures/temporary-folder.ts';
import { sshArguments } from './openssh.ts';
import { newerOptions } from './spawn-ssh.ts';

const USERS_OWN = `Host *
  User me
  HostName 192.0.2.7
  ProxyJump gate
  ForwardAgent yes
  ForwardX11 yes
  ForwardX11Trusted yes
  GSSAPIDelegateCredentials yes
  LocalForward 127.0.0.1:8080 127.0.0.1:80
  RemoteForward 127.0.0.1:8081 127.0.0.1:80
  DynamicForward 1080
  Tunnel yes
  RemoteCommand tmux
  PermitLocalCommand yes
  LocalCommand touch /tmp/here
  RequestTTY force
  SessionType none
  StdinNull yes
  ForkAfterAuthentication yes
  SetEnv SECRET=1
`;

describe('the arguments of ssh', () => {
  test('never prompt, give up soon, and put the host after all options', () => {
    const argv = sshArguments({ target: { host: 'attic', port: 2222, user: 'me' }, command: 'true' });
    expect(argv).toEqual(expect.arrayContaining(['BatchMode=yes', 'ConnectTimeout=5', 'ServerAliveInterval=2']));
    expect(argv.slice(-7)).toEqual(['-p', '2222', '-l', 'me', '--', 'attic', 'true']);
  });

  test("forward nothing of the user's and run none of the user's commands, whatever ~/.ssh/config contains", async () => {
    await using folder = await temporaryFolder();
    const config = join(folder.path, 'config');
    writeFileSync(config, USERS_OWN);
    const argv = [...(await newerOptions()), '-F', config, '-G', ...sshArguments({ target: { host: 'attic' } })];
    const said = execFileSync('ssh', argv).toString().split('\n');
    const expected = [
      'forwardagent no',
      'forwardx11 no',
      'gssapidelegatecredentials no',
      'permitlocalcommand no',
      'requesttty false',
    ];
    expect(said).toEqual(expect.arrayContaining([...expected, 'tunnel false', 'sessiontype default', 'stdinnull no']));
    expect(said).toEqual(
      expect.arrayContaining(['forkafterauthentication no', 'user me', 'proxyjump gate', 'hostname 192.0.2.7']),
    );
    expect(said.filter((line) => /^(local|remote|dynamic)forward|^remotecommand|SECRET/.test(line))).toEqual([]);
  });

  test('leave the choice of trusted host keys to the user', () => {
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
  ])('are refused for the invalid target %j', (target) => {
    expect(() => sshArguments({ target })).toThrow(JobError);
  });
});
