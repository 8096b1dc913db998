import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { connect, createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { checkMachine } from '../../src/machines/machine/check-machine.ts';
import { SshShells } from '../../src/machines/ssh/shells.ts';
import type { Login } from '../support/host.ts';
import { skipsHosts, testHosts, type HostNet } from '../support/hosts.ts';
import { until } from '../support/until.ts';

interface Case extends Login {
  /** Files in its home. */
  files?: Record<string, string>;
  /** Options before root's key in authorized_keys. */
  key?: string;
  /** Script to run there first. */
  before?: string;
  /** The check that fails; all pass when left out. */
  fails?: string;
  /** In the failed check, or in its next step. */
  says?: RegExp;
  /** For a start-up file that hangs. */
  patienceMs?: number;
}

const bashrc = (text: string) => ({ files: { '.bashrc': `${text}\n` } });
const TITLE = String.raw`printf '\033]0;%s\a' "$HOSTNAME"`;
const ANSWERS = 'rbee-machine-begin\nos=BeOS\nrbee-machine-end\nfleet of cars\nheld by none\nlacks nothing\ntaken no';

/** Real machines. rbee tolerates what it can, and names the rest with what to change. */
const CASES: readonly Case[] = [
  // Login shells.
  { name: 'zsh', shell: '/usr/bin/zsh', files: { '.zshenv': `${TITLE}\n` } },
  { name: 'fish', shell: '/usr/bin/fish', files: { '.config/fish/config.fish': 'echo welcome\n' } },
  { name: 'tcsh', shell: '/usr/bin/tcsh', files: { '.cshrc': 'echo welcome\n' } },
  { name: 'dash', shell: '/bin/dash' },
  { name: 'nologin', shell: '/usr/sbin/nologin', fails: 'shell', says: /account is currently not available/ },
  { name: 'rbash', shell: '/bin/rbash', fails: 'shell', says: /restricted/ },
  { name: 'git', shell: '/usr/bin/git-shell', fails: 'shell', says: /unrecognized command/ },
  // Start-up files.
  { name: 'title', ...bashrc(TITLE) },
  { name: 'answers', ...bashrc(`echo '${ANSWERS}'; echo '${ANSWERS}' >&2`) },
  { name: 'megabytes', ...bashrc('head -c 9000000 /dev/zero; head -c 9000000 /dev/zero >&2') },
  { name: 'nothing', ...bashrc('exec >/dev/null'), fails: 'shell', says: /without running the command/ },
  { name: 'leaves', ...bashrc('sleep 120 & echo started') },
  { name: 'strict', ...bashrc('set -euo pipefail; shopt -s expand_aliases; alias cd=false tar=false rm=false exec=false') },
  {
    name: 'functions',
    ...bashrc(
      'cd() { false; }; tar() { false; }; rm() { false; }; exec() { builtin exec "$@"; }; export -f cd tar rm; export SHELLOPTS',
    ),
  },
  { name: 'nopath', ...bashrc('PATH=/nowhere') },
  { name: 'exits', ...bashrc('exit 0'), fails: 'shell', says: /status 0 without running.*start-up file/ },
  { name: 'reads', patienceMs: 8_000, ...bashrc('cat >/dev/null'), fails: 'shell', says: /reads the stdin/ },
  { name: 'hangs', patienceMs: 8_000, ...bashrc('sleep 60'), fails: 'shell', says: /does not finish within 8 s/ },
  { name: 'execs', patienceMs: 8_000, ...bashrc('exec sh'), fails: 'shell', says: /without running.*start another shell/ },
  { name: 'tmux', ...bashrc('exec tmux'), fails: 'shell', says: /not a terminal.*start another shell/s },
  // What the server allows.
  { name: 'noforward', sshd: 'AllowTcpForwarding no', fails: 'forwarding', says: /AllowTcpForwarding yes/ },
  { name: 'remoteonly', sshd: 'AllowTcpForwarding remote', fails: 'forwarding', says: /does not allow forwarding/ },
  { name: 'localonly', sshd: 'AllowTcpForwarding local' },
  { name: 'noopen', sshd: 'PermitOpen none', fails: 'forwarding', says: /PermitOpen/ },
  { name: 'otheropen', sshd: 'PermitOpen 127.0.0.1:80', fails: 'forwarding', says: /127\.0\.0\.1:9000/ },
  { name: 'disabled', sshd: 'DisableForwarding yes', fails: 'forwarding', says: /does not allow forwarding/ },
  { name: 'forced', sshd: 'ForceCommand echo welcome', fails: 'shell', says: /printed: welcome.*force a command/s },
  { name: 'onesession', sshd: 'MaxSessions 1' },
  { name: 'nosession', sshd: 'MaxSessions 0', fails: 'shell', says: /runs no command: see MaxSessions/ },
  { name: 'noporttokey', key: 'no-port-forwarding', fails: 'forwarding', says: /port-forwarding/ },
  { name: 'restrict', key: 'restrict', fails: 'forwarding', says: /port-forwarding/ },
  { name: 'command', key: 'command="echo only this"', fails: 'shell', says: /printed: only this/ },
  // The home folder.
  { name: 'readonly', before: 'mount -t tmpfs -o ro tmpfs .', fails: 'home', says: /Read-only file system.*findmnt/s },
  { name: 'noexec', before: 'mount -t tmpfs -o noexec,size=2g tmpfs .', fails: 'home', says: /cannot be run.*noexec/s },
  {
    name: 'full',
    before: 'mount -t tmpfs -o size=100k tmpfs . && head -c 100k /dev/zero >big || true',
    fails: 'disk',
    says: /0\.0 GB/,
  },
  { name: 'homeless', before: 'rmdir "$PWD"', fails: 'home', says: /No such file or directory.*ls -ld/s },
];

const cases = CASES.filter(({ shell = '/bin/sh' }) => existsSync(shell));

describe.skipIf(skipsHosts())('a login over SSH', () => {
  let net: HostNet<'attic'>;
  let folder: string;
  let shells: SshShells;
  const path = process.env['PATH'];
  const { signal } = new AbortController();
  beforeAll(async () => {
    net = await testHosts(['attic'], { logins: cases });
    process.env['PATH'] = net.env.PATH;
    folder = await mkdtemp(join(tmpdir(), 'rbee-run-'));
    shells = new SshShells({ run: folder });
    const { attic } = net.hosts;
    const key = await readFile(join(attic.home, '.ssh', 'authorized_keys'), 'utf8');
    for (const { name, files = {}, key: options, before } of cases) {
      const all = { ...files, ...(options === undefined ? {} : { '.ssh/authorized_keys': `${options} ${key}` }) };
      for (const [file, text] of Object.entries(all)) {
        await mkdir(join(attic.home, 'homes', name, dirname(file)), { recursive: true });
        await writeFile(join(attic.home, 'homes', name, file), text);
      }
      if (before !== undefined) await attic.exec(`cd homes/${name} && ${before}`);
    }
    // sshd ignores files that other users can write.
    await attic.exec('for each in homes/*/.ssh/authorized_keys; do chmod 600 "$each"; done');
  });
  afterAll(async () => {
    await shells.close();
    await rm(folder, { recursive: true });
    process.env['PATH'] = path;
    await net[Symbol.asyncDispose]();
  });

  test.concurrent.each(cases)(
    'of the kind $name is checked, and an obstacle to a hive is named with what to change',
    async ({ name, fails, says, patienceMs }) => {
      const options = { signal, port: 9000, onCheck: () => undefined, ...(patienceMs === undefined ? {} : { patienceMs }) };
      const checks = await checkMachine({ host: 'attic', user: name }, options);
      const failed = checks.find(({ ok }) => !ok);
      expect(failed?.check, JSON.stringify(failed)).toBe(fails);
      if (failed !== undefined) expect(`${failed.says}\n${failed.next}`).toMatch(says ?? /^/);
      if (fails === 'shell') return;
      const run = shells
        .of({ host: 'attic', user: name })
        .run('cat; cd / && pwd', { signal, withinMs: 100_000, input: 'sent\n' });
      expect(await run).toBe('sent\n/\n');
    },
  );

  test('leaves no file of rbee on the machine', () => {
    expect(net.hosts.attic.tree().filter((file) => file.includes('rbee'))).toEqual([]);
  });

  test('carries a tunnel through a noisy shell, and a tunnel reports a server that does not forward and a local port in use', async () => {
    const noisy = await shells.tunnel({ host: 'attic', user: 'answers' }, { remotePort: 22 });
    const refused = await shells.tunnel({ host: 'attic', user: 'noforward' }, { remotePort: 22 });
    const late = await shells.tunnel({ host: 'attic' }, { remotePort: 22 });
    // The tunnel requests its port after the login.
    const squatter = createServer().listen(late.localPort, '127.0.0.1');
    await once(squatter, 'listening');
    try {
      await noisy.ready(signal);
      expect(await banner(noisy.localPort)).toMatch(/^SSH-2\.0/);
      await refused.ready(signal);
      expect(await banner(refused.localPort)).toBe('');
      await until(() => refused.state.kind === 'down');
      expect(refused.state).toMatchObject({
        error: { code: 'ssh_failed', message: expect.stringContaining('AllowTcpForwarding') as string },
      });
      const message = expect.stringContaining(`Port ${late.localPort} of this machine`) as string;
      await expect(late.ready(signal)).rejects.toMatchObject({ code: 'port_taken', message });
      squatter.close();
      await late.ready(signal);
      expect(await banner(late.localPort)).toMatch(/^SSH-2\.0/);
    } finally {
      squatter.close();
      await Promise.all([noisy, refused, late].map((tunnel) => tunnel.close()));
    }
  });
});

/** What the server there sends first; empty where the connection is closed at once. */
async function banner(port: number): Promise<string> {
  const socket = connect({ host: '127.0.0.1', port });
  let said = '';
  socket.on('data', (data) => {
    said += String(data);
    socket.end();
  });
  await once(socket, 'close');
  return said;
}
