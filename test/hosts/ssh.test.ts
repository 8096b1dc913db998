import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect, createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { probeMachine } from '../../src/machines/machine/index.ts';
import type { ShellRun } from '../../src/machines/ssh/shell.ts';
import { requireForwarding } from '../../src/machines/ssh/forwarding.ts';
import { SshShells } from '../../src/machines/ssh/shells.ts';
import { buildTunnelOwner } from '../../src/machines/ssh/fixtures/programs.ts';
import type { TunnelState } from '../../src/machines/ssh/tunnel.ts';
import { done } from '../support/done.ts';
import { skipsHosts, testHosts, type HostNet } from '../support/hosts.ts';
import { until } from '../support/until.ts';

describe.skipIf(skipsHosts())('over SSH', () => {
  let net: HostNet<'attic' | 'cellar'>;
  let folder: string;
  let shells: SshShells;
  const path = process.env['PATH'];
  beforeAll(async () => {
    net = await testHosts(['attic', 'cellar']);
    process.env['PATH'] = net.env.PATH;
    folder = await mkdtemp(join(tmpdir(), 'rbee-run-'));
    shells = new SshShells({ run: folder });
  });
  afterAll(async () => {
    await shells.close();
    expect(readdirSync(folder)).toEqual([]);
    expect(sshProcesses()).toEqual([]);
    await rm(folder, { recursive: true });
    process.env['PATH'] = path;
    await net[Symbol.asyncDispose]();
  });

  /** Started by this test: they use the test's config or folder. */
  const sshProcesses = () =>
    readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .flatMap((pid) => {
        try {
          const args = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
          const isOwn = /^\S*ssh(: |\s)/.test(args) && (args.includes(net.home) || args.includes(folder));
          return isOwn ? [{ pid: Number(pid), args }] : [];
        } catch {
          return []; // It has exited.
        }
      });
  const masters = () => sshProcesses().filter(({ args }) => args.includes('[mux]'));

  const run = async (script: string, options: Partial<ShellRun> & { host?: string; port?: number; user?: string } = {}) => {
    const { host = 'attic', port, user, ...rest } = options;
    const target = { host, ...(port === undefined ? {} : { port }), ...(user === undefined ? {} : { user }) };
    return shells.of(target).run(script, { signal: new AbortController().signal, withinMs: 100_000, ...rest });
  };

  describe('a script', () => {
    test('runs there with its arguments and its stdin, and its stdout is returned', async () => {
      const nasty = `a 'b' "c" \\d $e \`f\` !g *\nh`;
      const said = await run('hostname; printf "%s|" "$@"; cat', { args: [nasty, ''], input: 'in\n' });
      expect(said).toBe(`attic\n${nasty}||in\n`);
    });

    test('reads 20 MB with back-pressure', async () => {
      async function* megabytes() {
        for (let count = 0; count < 20; count += 1) yield Buffer.alloc(1024 * 1024, count);
      }
      expect(await run('wc -c', { input: megabytes() })).toMatch(/^\s*20971520\s*$/);
    });

    test('may exit without reading its stdin', async () => {
      expect(await run('echo done', { input: 'x'.repeat(5_000_000) })).toBe('done\n');
    });

    test('ends the run although its input has more to send', async () => {
      async function* waiting() {
        yield Buffer.from('one\n');
        await new Promise(() => undefined);
      }
      expect(await run('read -r line; echo "$line"', { input: waiting() })).toBe('one\n');
    });

    test('may exit after reading a part of its stdin', async () => {
      async function* endless() {
        for (;;) yield Buffer.alloc(1024 * 1024);
      }
      expect(await run('head -c 3000000 | wc -c', { input: endless() })).toBe('3000000\n');
    });

    test('whose input fails midway fails with the same error', async () => {
      async function* broken() {
        yield Buffer.from('some');
        throw new TypeError('the kit is torn');
      }
      await expect(run('cat >/dev/null', { input: broken() })).rejects.toThrow('the kit is torn');
    });

    test.each([1, 2, 254, 255])('that exits with %i fails with the end of its stderr', async (status) => {
      await expect(run(`echo much said; echo the disk is bent >&2; exit ${status}`)).rejects.toMatchObject({
        code: 'ssh_failed',
        message: 'On attic: the disk is bent',
      });
    });

    test('that is aborted ends here at once, and there when its stdin is closed', async () => {
      const stop = new AbortController();
      async function* endless() {
        yield Buffer.from('begun\n');
        await until(() => net.hosts.attic.processes().some(({ args }) => args.includes('rbee-marker')));
        stop.abort(new TypeError('changed my mind'));
        await new Promise(() => undefined);
      }
      const work = run('exec sh -c "cat; :" rbee-marker', { input: endless(), signal: stop.signal });
      await expect(work).rejects.toThrow('changed my mind');
      await until(() => !net.hosts.attic.processes().some(({ args }) => args.includes('rbee-marker')));
    });

    test('that takes too long fails with deadline_exceeded', async () => {
      const started = Date.now();
      await expect(run('exec sleep 60', { withinMs: 400 })).rejects.toMatchObject({ code: 'deadline_exceeded' });
      expect(Date.now() - started).toBeLessThan(50_000);
      await net.hosts.attic.exec('pkill -x sleep');
    });

    test('that prints too much is stopped', async () => {
      await expect(run('yes')).rejects.toThrow(/exceeds \d+ bytes/);
    });
  });

  describe('a shared connection', () => {
    test('serves many scripts', async () => {
      const said = await Promise.all(Array.from({ length: 8 }, (_, at) => run('echo "$1"', { args: [String(at)] })));
      expect(said.join('')).toBe('0\n1\n2\n3\n4\n5\n6\n7\n');
      expect(masters()).toHaveLength(1);
    });

    test('is opened again after its process was killed', async () => {
      await run('true');
      const pid = masters()[0]?.pid ?? 0;
      process.kill(pid, 'SIGKILL');
      expect(await run('echo again')).toBe('again\n');
      expect(masters().map((each) => each.pid)).not.toContain(pid);
    });

    test('that is frozen delays one script up to its deadline, and no other', async () => {
      await run('true');
      const pid = masters()[0]?.pid ?? 0;
      process.kill(pid, 'SIGSTOP');
      try {
        await expect(run('echo never', { withinMs: 500 })).rejects.toMatchObject({ code: 'deadline_exceeded' });
        expect(await run('echo again')).toBe('again\n');
        const [second] = masters().filter((each) => each.pid !== pid);
        process.kill(pid, 'SIGTERM');
        process.kill(pid, 'SIGCONT');
        await until(() => masters().length === 1);
        // The old process has removed only its own socket.
        expect(await run('echo once more')).toBe('once more\n');
        expect(masters()).toEqual([second]);
      } finally {
        await shells.close();
      }
    });

    test.each(['SIGCONT', 'SIGSTOP'] as const)(
      'left over from a killed queen is ended by the next queen that stops (%s)',
      async (signal) => {
        await run('true');
        process.kill(masters()[0]?.pid ?? 0, signal);
        await new SshShells({ run: folder }).close();
        expect(masters()).toEqual([]);
        expect(readdirSync(folder)).toEqual([]);
      },
    );
  });

  describe('a connection fails because of', () => {
    test.each([
      ['an unknown name', { host: 'nowhere.invalid' }, 'ssh_unreachable', 'has a host name that cannot be resolved'],
      ['a closed port', { port: 23 }, 'ssh_unreachable', 'attic:23 refuses connections'],
      ['another user', { user: 'daemon' }, 'ssh_denied', 'daemon@attic refuses the login: Permission denied (publickey)'],
    ])('%s, with the code and the reason', async (_name, target, code, words) => {
      const isRetryable = code === 'ssh_unreachable';
      await expect(run('true', target)).rejects.toMatchObject({
        code,
        retryable: isRetryable,
        message: expect.stringContaining(words) as string,
      });
    });

    test('a host key that is not known, or has changed', async () => {
      const file = join(net.home, '.ssh', 'known_hosts');
      const known = readFileSync(file, 'utf8');
      try {
        await writeFile(file, '');
        const unknown = expect(run('true', { host: 'cellar' })).rejects;
        await unknown.toMatchObject({ code: 'ssh_host_key', message: expect.stringContaining('is not known yet') as string });
        await writeFile(file, known);
        await net.hosts.cellar.rekey();
        const changed = expect(run('true', { host: 'cellar' })).rejects;
        await changed.toMatchObject({
          code: 'ssh_host_key',
          message: expect.stringMatching(/a host key that differs.*SHA256:/) as string,
        });
        expect(readFileSync(file, 'utf8')).toBe(known);
      } finally {
        await net.trust();
      }
    });

    test('a missing ssh client on this machine', async () => {
      process.env['PATH'] = '/nowhere';
      try {
        await expect(run('true')).rejects.toThrow(/install the OpenSSH client/);
      } finally {
        process.env['PATH'] = net.env.PATH;
      }
    });

    test('a name that ssh would read as an option', async () => {
      await expect(run('true', { host: '-oProxyCommand=id' })).rejects.toMatchObject({ code: 'invalid_input' });
      await expect(run('true', { user: '-oProxyCommand=id' })).rejects.toMatchObject({ code: 'invalid_input' });
    });
  });

  test("no connection forwards the user's agent, ports, variables or commands, to a machine or through a jump host", async () => {
    const { attic, cellar } = net.hosts;
    const said = await done('ssh-agent', ['-s']);
    const [, agent = ''] = /SSH_AUTH_SOCK=([^;]+)/.exec(said) ?? [];
    const config = join(net.home, '.ssh', 'config');
    const hosts = readFileSync(config, 'utf8');
    // A port in use: with ExitOnForwardFailure, no connection would succeed.
    const theirs = createServer().listen(0, '127.0.0.1');
    await once(theirs, 'listening');
    const { port } = theirs.address() as AddressInfo;
    const forwards = `LocalForward 127.0.0.1:${port} 127.0.0.1:22\n  RemoteForward 127.0.0.1:2222 127.0.0.1:${port}\n  ExitOnForwardFailure yes`;
    const commands = `RemoteCommand sleep 100\n  PermitLocalCommand yes\n  LocalCommand touch ${net.home}/mine\n  RequestTTY force\n  SessionType none`;
    const shared = `ControlMaster auto\n  ControlPath ${net.home}/%r@%h\n  ControlPersist yes\n  ForwardX11 yes\n  SetEnv SECRET=mine\n  LogLevel QUIET`;
    await writeFile(
      config,
      `Host attic\n  ${forwards}\n  ${commands}\n  ${shared}\n  ProxyJump cellar\nHost *\n  ForwardAgent yes\n${hosts}`,
    );
    process.env['SSH_AUTH_SOCK'] = agent;
    process.env['RBEE_TOKEN'] = 'a secret of the queen';
    const tunnel = await shells.tunnel({ host: 'attic' }, { remotePort: 22 });
    try {
      await tunnel.ready(AbortSignal.timeout(100_000));
      expect(await run('env')).not.toMatch(/SSH_AUTH_SOCK|DISPLAY|SECRET|RBEE_TOKEN/);
      const environments =
        'cat /proc/[0-9]*/environ | tr "\\000" "\\n"; ls -d /tmp/ssh-* 2>/dev/null; ss -tlnH || cat /proc/net/tcp';
      for (const host of [attic, cellar])
        expect(await host.exec(environments)).not.toMatch(/SSH_AUTH_SOCK|DISPLAY|SECRET|RBEE_TOKEN|\/tmp\/ssh-|:2222|:08AE/);
      expect(readdirSync(net.home)).toEqual(['.ssh']);
    } finally {
      await tunnel.close();
      await shells.close();
      await writeFile(config, hosts);
      for (const name of ['SSH_AUTH_SOCK', 'RBEE_TOKEN']) delete process.env[name];
      process.kill(Number(/SSH_AGENT_PID=(\d+)/.exec(said)?.[1]));
      theirs.close();
    }
  });

  test('a forwarded port is detected although the program behind it is frozen, like a hive that is being replaced', async () => {
    const { attic } = net.hosts;
    await attic.exec('/usr/sbin/sshd -p 2299 -o PidFile=/run/frozen && sleep 0.2 && kill -STOP $(cat /run/frozen)');
    try {
      await requireForwarding({ host: 'attic' }, 2299, new AbortController().signal);
    } finally {
      await attic.exec('kill -KILL $(cat /run/frozen)');
    }
  });

  test('a machine reports its properties in one round trip, and nothing is left there', async () => {
    const machine = await probeMachine(shells.of({ host: 'attic' }), new AbortController().signal);
    expect(machine).toMatchObject({ os: 'Linux', bits: 64, home: '/root', libc: { kind: 'glibc' }, gpus: [] });
    expect(machine.disk_free_bytes).toBeGreaterThan(1e6);
    expect(machine).not.toHaveProperty('installed');
    expect(net.hosts.attic.tree()).toEqual(['.ssh/', '.ssh/authorized_keys']);
  });

  describe('a tunnel', () => {
    let signal: AbortSignal;
    beforeEach(() => {
      signal = AbortSignal.timeout(200_000);
    });
    /** What the server there sends first; empty where the connection is closed at once. */
    const banner = async (port: number) => {
      const socket = connect({ host: '127.0.0.1', port });
      let said = '';
      socket.on('data', (data) => {
        said += String(data);
        socket.end();
      });
      await once(socket, 'close', { signal });
      return said;
    };

    test('forwards its port, reconnects after a crash of sshd, switches to a new port, and leaves no process', async () => {
      const states: TunnelState['kind'][] = [];
      const tunnel = await shells.tunnel({ host: 'attic' }, { remotePort: 22, onChange: ({ kind }) => states.push(kind) });
      try {
        await tunnel.ready(signal);
        expect(await banner(tunnel.localPort)).toMatch(/^SSH-2\.0/);
        await net.hosts.attic.crash();
        await until(() => tunnel.state.kind === 'down');
        await net.hosts.attic.boot();
        await until(() => tunnel.state.kind === 'up');
        expect(await banner(tunnel.localPort)).toMatch(/^SSH-2\.0/);
        tunnel.setRemotePort(9);
        await tunnel.ready(signal);
        expect(await banner(tunnel.localPort)).toBe('');
        tunnel.setRemotePort(22);
        await tunnel.ready(signal);
        expect(await banner(tunnel.localPort)).toMatch(/^SSH-2\.0/);
        expect(states).toEqual(expect.arrayContaining(['up', 'down', 'connecting', 'up']));
      } finally {
        await tunnel.close();
      }
      expect(sshProcesses().filter(({ args }) => args.includes(`t${tunnel.localPort}`))).toEqual([]);
      await expect(tunnel.ready(signal)).rejects.toMatchObject({ code: 'shutting_down' });
    });

    test('over an interrupted network is down within seconds, like any script there, and reconnects automatically', async () => {
      const tunnel = await shells.tunnel({ host: 'attic' }, { remotePort: 22 });
      try {
        await tunnel.ready(signal);
        const command = run('exec sleep 300', { withinMs: 200_000 });
        await until(() => net.hosts.attic.processes().some(({ args }) => args === 'sleep 300'));
        await net.hosts.attic.drop();
        const cut = Date.now();
        // Watches at once, because the tunnel soon tries again.
        const down = until(() => tunnel.state.kind === 'down').then(() => tunnel.state);
        await expect(command).rejects.toMatchObject({ code: 'ssh_unreachable' });
        const state = await down;
        expect(Date.now() - cut).toBeLessThan(60_000);
        expect(state).toMatchObject({
          error: { code: 'ssh_unreachable', message: expect.stringContaining('timed out') as string },
        });
        await net.hosts.attic.restore();
        expect(await run('echo again')).toBe('again\n');
        await tunnel.ready(signal).catch(() => tunnel.ready(signal));
        expect(await banner(tunnel.localPort)).toMatch(/^SSH-2\.0/);
      } finally {
        await net.hosts.attic.restore();
        await tunnel.close();
      }
    });

    test('that cannot log in reports why to every caller', async () => {
      const tunnel = await shells.tunnel({ host: 'attic', user: 'daemon' }, { remotePort: 22 });
      try {
        await expect(tunnel.ready(signal)).rejects.toMatchObject({ code: 'ssh_denied' });
        await expect(tunnel.ready(signal)).rejects.toMatchObject({ code: 'ssh_denied' });
        expect(tunnel.state).toMatchObject({ kind: 'down', since: expect.any(Date) as Date });
        tunnel.kick();
        expect(tunnel.state).toMatchObject({ kind: 'connecting', error: { code: 'ssh_denied' } });
      } finally {
        await tunnel.close();
      }
    });

    test('ends with its owner process, even if that is killed', async () => {
      await using program = await buildTunnelOwner();
      const owner = fork(program.path, ['attic', '22', folder], { stdio: 'ignore' });
      const [port] = (await once(owner, 'message', { signal })) as [number];
      expect(await banner(port)).toMatch(/^SSH-2\.0/);
      const isTunnel = ({ args }: { args: string }) => args.includes(join('ssh', `t${port}`));
      expect(sshProcesses().filter(isTunnel)).toHaveLength(1);
      owner.kill('SIGKILL');
      await until(() => sshProcesses().filter(isTunnel).length === 0);
      await until(() => !net.hosts.attic.processes().some(({ args }) => args.startsWith('cat')));
    });
  });
});
