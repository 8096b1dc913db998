import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bridgeOfHosts } from './bridge.ts';
import { done } from './done.ts';
import { isFile, MadeHost, passwdWith, SSHD, type Host, type HostOptions } from './host.ts';

/** Programs that create a host. */
const TOOLS = ['ip', 'unshare', 'nsenter', 'setpriv', 'mount', 'ssh', 'ssh-keygen'];

export interface HostNet<Name extends string = string> extends AsyncDisposable {
  hosts: Record<Name, Host>;
  /** HOME of the ssh client, with .ssh/config, key and known_hosts. */
  home: string;
  /** Address of this machine in the hosts' network. */
  address: string;
  /** Environment for a process that calls ssh, which then finds the hosts by name. */
  env: { PATH: string };
  /** Command prefix that does the same for a whole process tree, in which `home` is the home of this user. */
  through: readonly string[];
  /** Writes known_hosts again, with the current keys of the hosts. */
  trust(): Promise<void>;
}

/** Why hosts cannot be created here; undefined where they can. */
export function cannotMakeHosts(): string | undefined {
  if (process.platform !== 'linux') return 'hosts for tests are made of network namespaces, which only Linux has';
  if (process.getuid?.() !== 0) return 'hosts for tests need root';
  const isThere = (tool: string) => (process.env['PATH'] ?? '').split(':').some((folder) => isFile(join(folder, tool)));
  const missing = TOOLS.filter((tool) => !isThere(tool));
  if (missing.length > 0) return `hosts for tests need ${missing.join(', ')}`;
  return isFile(SSHD) ? undefined : `hosts for tests need ${SSHD}: install openssh-server`;
}

/** For describe.skipIf. Never skips in CI, where hosts must work. */
export const skipsHosts = (): boolean => cannotMakeHosts() !== undefined && process.env['CI'] !== 'true';

/** Real machines as far as SSH can tell. After disposal, no process, namespace, link, mount or file is left. */
export async function testHosts<Name extends string>(names: readonly Name[], options: HostOptions = {}): Promise<HostNet<Name>> {
  const why = cannotMakeHosts();
  if (why !== undefined) throw new Error(why);
  await sweep();
  const folder = await mkdtemp(join(tmpdir(), `rbee-hosts-${process.pid}-`));
  const bridge = await bridgeOfHosts();
  const made: MadeHost[] = [];
  const dispose = async () => {
    await Promise.all(made.map((host) => host.crash()));
    await bridge.remove();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    const home = join(folder, 'here');
    await mkdir(join(home, '.ssh'), { recursive: true, mode: 0o700 });
    await done('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'test', '-f', join(home, '.ssh', 'id_ed25519')]);
    for (const name of names) made.push(new MadeHost({ name, folder: join(folder, name), bridge, at: made.length, options }));
    await Promise.all(made.map((host) => host.make(readFileSync(join(home, '.ssh', 'id_ed25519.pub'), 'utf8'))));
    await writeClient(home, made);
    const hosts = Object.fromEntries(made.map((host) => [host.name, host])) as unknown as Record<Name, Host>;
    const reach = await reachFrom(folder, home);
    const trust = () => writeKnownHosts(home, made);
    return { hosts, home, address: bridge.address, ...reach, trust, [Symbol.asyncDispose]: dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}

/** Folders of killed test runs. */
async function sweep(): Promise<void> {
  const stale = readdirSync(tmpdir()).filter((name) => {
    const pid = /^rbee-hosts-(\d+)-/.exec(name)?.[1];
    return pid !== undefined && !existsSync(`/proc/${pid}`);
  });
  await Promise.all(stale.map((name) => rm(join(tmpdir(), name), { recursive: true, force: true })));
}

async function writeClient(home: string, hosts: readonly MadeHost[]): Promise<void> {
  const ssh = join(home, '.ssh');
  const entries = hosts.map(({ name, address }) => `Host ${name}\n  HostName ${address}\n`);
  // The default key exchange is for an attacker with a quantum computer, and would be most of what a connection costs here.
  const all = `Host *\n  IdentityFile ${ssh}/id_ed25519\n  UserKnownHostsFile ${ssh}/known_hosts\n  KexAlgorithms curve25519-sha256\n`;
  await writeFile(join(ssh, 'config'), `${entries.join('')}${all}`, { mode: 0o600 });
  await writeKnownHosts(home, hosts);
}

async function writeKnownHosts(home: string, hosts: readonly MadeHost[]): Promise<void> {
  await writeFile(join(home, '.ssh', 'known_hosts'), hosts.map(({ address, hostKey }) => `${address} ${hostKey}\n`).join(''));
}

/** Both ways to point ssh to the hosts' config. It reads the home in passwd, not $HOME, so a variable alone is not enough. */
async function reachFrom(folder: string, home: string): Promise<Pick<HostNet, 'env' | 'through'>> {
  const bin = join(folder, 'bin');
  await mkdir(bin);
  const ssh = (process.env['PATH'] ?? '').split(':').find((each) => isFile(join(each, 'ssh')));
  await writeFile(join(bin, 'ssh'), `#!/bin/sh\nexec ${ssh}/ssh -F ${home}/.ssh/config "$@"\n`, { mode: 0o755 });
  await writeFile(join(folder, 'passwd'), passwdWith({ home, shell: '/bin/bash' }));
  const enter = 'mount --bind "$0" /etc/passwd && HOME=$1 && shift && exec "$@"';
  return {
    env: { PATH: `${bin}:${process.env['PATH']}` },
    through: ['unshare', '--mount', '--propagation', 'private', 'sh', '-c', enter, join(folder, 'passwd'), home],
  };
}
