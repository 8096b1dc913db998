import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, openSync, readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { bridgeOfHosts, type Bridge } from './bridge.ts';
import { done } from './done.ts';

/** Programs that a host is made with. */
const TOOLS = ['ip', 'unshare', 'nsenter', 'setpriv', 'mount', 'ssh', 'ssh-keygen'];
const SSHD = '/usr/sbin/sshd';
const UP_WITHIN_MS = 10_000;

export interface HostOptions {
  /** What root logs in with there; /bin/bash when left out. */
  shell?: string;
}

/** A machine: its own network, processes, host name, /tmp and home, and sshd. It has no Node. */
export interface Host {
  name: string;
  address: string;
  /** Its /root, as seen from here. */
  home: string;
  /** Cuts it off so that nobody is told: packets vanish. */
  drop(): Promise<void>;
  /** Pulls its cable: after a while, others find no route. */
  down(): Promise<void>;
  restore(): Promise<void>;
  /** @throws where the kernel has no netem */
  slow(how: { delayMs?: number; mbitPerS?: number }): Promise<void>;
  /** Ends every process at once, as a power cut does. */
  crash(): Promise<void>;
  /** After a crash. */
  boot(): Promise<void>;
  /** Replaces its host key, as a reinstalled machine would. */
  rekey(): Promise<void>;
  /** stdout of a command of sh, run there by root. */
  exec(command: string): Promise<string>;
  /** All files under its home, folders with a slash at the end, in order. */
  tree(): string[];
  processes(): { pid: number; args: string }[];
}

export interface HostNet<Name extends string = string> extends AsyncDisposable {
  hosts: Record<Name, Host>;
  /** The side from which they are called: HOME of whoever is to know them, with .ssh/config, key and known_hosts. */
  home: string;
  /** Of this machine, as the hosts see it. */
  address: string;
  /** For a process that calls ssh: it finds the hosts by their names. */
  env: { PATH: string };
  /** The same for a whole process tree, to be put before a command: there, `home` is the home of this user. */
  through: readonly string[];
  /** Writes known_hosts anew, with the keys that the hosts have now. */
  trust(): Promise<void>;
}

/** Why there can be no hosts here; undefined when there can. */
export function cannotMakeHosts(): string | undefined {
  if (process.platform !== 'linux') return 'hosts for tests are made of network namespaces, which only Linux has';
  if (process.getuid?.() !== 0) return 'hosts for tests need root';
  const isThere = (tool: string) => (process.env['PATH'] ?? '').split(':').some((folder) => isFile(join(folder, tool)));
  const missing = TOOLS.filter((tool) => !isThere(tool));
  if (missing.length > 0) return `hosts for tests need ${missing.join(', ')}`;
  return isFile(SSHD) ? undefined : `hosts for tests need ${SSHD}: install openssh-server`;
}

/** For describe.skipIf: only where nobody promised that they can be made. */
export const skipsHosts = (): boolean => cannotMakeHosts() !== undefined && process.env['CI'] !== 'true';

/** Real machines as far as SSH can tell. Disposing leaves nothing: no process, namespace, link, mount or file. */
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

/** Folders of test runs that were killed. */
async function sweep(): Promise<void> {
  const stale = readdirSync(tmpdir()).filter((name) => {
    const pid = /^rbee-hosts-(\d+)-/.exec(name)?.[1];
    return pid !== undefined && !existsSync(`/proc/${pid}`);
  });
  await Promise.all(stale.map((name) => rm(join(tmpdir(), name), { recursive: true, force: true })));
}

interface Plan {
  name: string;
  folder: string;
  bridge: Bridge;
  at: number;
  options: HostOptions;
}

class MadeHost implements Host {
  readonly name: string;
  readonly address: string;
  readonly home: string;
  readonly #folder: string;
  readonly #bridge: Bridge;
  readonly #options: HostOptions;
  #unshare: ChildProcess | undefined;

  constructor({ name, folder, bridge, at, options }: Plan) {
    this.name = name;
    this.address = bridge.addressOf(at);
    this.home = join(folder, 'root');
    this.#folder = folder;
    this.#bridge = bridge;
    this.#options = options;
  }

  get hostKey(): string {
    return readFileSync(join(this.#folder, 'ssh', 'ssh_host_ed25519_key.pub'), 'utf8')
      .split(' ')
      .slice(0, 2)
      .join(' ');
  }

  async make(publicKey: string): Promise<void> {
    await mkdir(join(this.home, '.ssh'), { recursive: true, mode: 0o700 });
    await mkdir(join(this.#folder, 'ssh'));
    await writeFile(join(this.home, '.ssh', 'authorized_keys'), publicKey, { mode: 0o600 });
    await writeFile(join(this.#folder, 'ssh', 'sshd_config'), SSHD_CONFIG);
    await writeFile(join(this.#folder, 'passwd'), passwdWith({ home: '/root', shell: this.#options.shell ?? '/bin/bash' }));
    await writeFile(join(this.#folder, 'shadow'), 'root:*:19000:0:99999:7:::\n', { mode: 0o600 });
    await writeFile(join(this.#folder, 'nothing'), '', { mode: 0o644 });
    await writeFile(join(this.#folder, 'boot.sh'), BOOT);
    await this.#bridge.plugIn(this.name, this.address);
    await this.#newKey();
    await this.boot();
  }

  async boot(): Promise<void> {
    const log = openSync(join(this.#folder, 'sshd.log'), 'a');
    const namespaces = ['unshare', '--mount', '--uts', '--pid', '--fork', '--kill-child', '--mount-proc'];
    const inside = ['ip', 'netns', 'exec', this.#bridge.namespaceOf(this.name), ...namespaces];
    const nodes = [process.execPath, '/usr/bin/node', '/usr/local/bin/node', '/usr/bin/nodejs'].filter(isFile);
    // Killed with this process, even when that is killed.
    const argv = ['--pdeathsig', 'KILL', ...inside, 'sh', join(this.#folder, 'boot.sh'), this.#folder, this.name, ...nodes];
    this.#unshare = spawn('setpriv', argv, { stdio: ['ignore', log, log], env: { PATH: process.env['PATH'] } });
    closeSync(log);
    const ended = once(this.#unshare, 'exit').then(() => 'ended' as const);
    const outcome = await Promise.race([ended, whenGreeted(this.address)]);
    if (outcome === 'ended') throw new Error(`${this.name}: ${readFileSync(join(this.#folder, 'sshd.log'), 'utf8')}`);
  }

  async crash(): Promise<void> {
    const unshare = this.#unshare;
    this.#unshare = undefined;
    if (unshare === undefined || unshare.exitCode !== null || unshare.signalCode !== null) return;
    const init = this.#init(unshare);
    const ended = once(unshare, 'exit');
    if (init !== undefined) process.kill(init, 'SIGKILL');
    else unshare.kill('SIGKILL');
    await ended;
  }

  drop = () => this.#bridge.drop(this.name);
  down = () => this.#bridge.down(this.name);
  restore = () => this.#bridge.restore(this.name, this.address);
  slow = (how: { delayMs?: number; mbitPerS?: number }) => this.#bridge.slow(this.name, how);

  async rekey(): Promise<void> {
    await this.crash();
    await this.#newKey();
    await this.boot();
  }

  async exec(command: string): Promise<string> {
    const init = this.#unshare && this.#init(this.#unshare);
    if (init === undefined) throw new Error(`${this.name} does not run`);
    const enter = ['--target', String(init), '--mount', '--uts', '--pid', '--net'];
    return done('nsenter', [
      ...enter,
      'env',
      '-i',
      'HOME=/root',
      'PATH=/usr/sbin:/usr/bin:/sbin:/bin',
      'sh',
      '-c',
      `cd\n${command}`,
    ]);
  }

  tree(): string[] {
    return readdirSync(this.home, { recursive: true, withFileTypes: true })
      .map((entry) => `${relative(this.home, join(entry.parentPath, entry.name))}${entry.isDirectory() ? '/' : ''}`)
      .sort();
  }

  processes(): { pid: number; args: string }[] {
    const init = this.#unshare && this.#init(this.#unshare);
    if (init === undefined) return [];
    const namespace = readlinkSync(`/proc/${init}/ns/pid`);
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .flatMap((pid) => {
        try {
          if (readlinkSync(`/proc/${pid}/ns/pid`) !== namespace) return [];
          return [{ pid: Number(pid), args: readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim() }];
        } catch {
          return []; // It has ended.
        }
      });
  }

  /** The first process of its own: with it, all end. */
  #init({ pid }: ChildProcess): number | undefined {
    try {
      const [child] = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ');
      return child === undefined || child === '' ? undefined : Number(child);
    } catch {
      return undefined;
    }
  }

  async #newKey(): Promise<void> {
    const file = join(this.#folder, 'ssh', 'ssh_host_ed25519_key');
    await rm(file, { force: true });
    await done('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', this.name, '-f', file]);
  }
}

const SSHD_CONFIG = `HostKey /etc/ssh/ssh_host_ed25519_key
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
StrictModes no
PrintMotd no
MaxStartups 100
Subsystem sftp internal-sftp
`;

/** $1 its folder, $2 its name, then the programs that it does not have. Mounts are its own. */
const BOOT = `set -e
folder=$1 name=$2
shift 2
hostname "$name"
for program in "$@"; do mount --bind "$folder/nothing" "$program"; done
mount --bind "$folder/ssh" /etc/ssh
mount --bind "$folder/passwd" /etc/passwd
mount --bind "$folder/shadow" /etc/shadow
mount --bind "$folder/root" /root
mount -t tmpfs tmpfs /run
mkdir -p /run/sshd
cd /
mount -t tmpfs tmpfs /tmp
chmod 1777 /tmp
exec ${SSHD} -D -e
`;

/** This machine's users, with another home and shell for this one. */
function passwdWith({ home, shell }: { home: string; shell: string }): string {
  const others = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('root:'));
  const privileges = others.some((line) => line.startsWith('sshd:')) ? [] : ['sshd:x:65533:65534::/run/sshd:/usr/sbin/nologin'];
  return [`root:x:0:0:root:${home}:${shell}`, ...others, ...privileges, ''].join('\n');
}

async function writeClient(home: string, hosts: readonly MadeHost[]): Promise<void> {
  const ssh = join(home, '.ssh');
  const entries = hosts.map(({ name, address }) => `Host ${name}\n  HostName ${address}\n`);
  const all = `Host *\n  IdentityFile ${ssh}/id_ed25519\n  UserKnownHostsFile ${ssh}/known_hosts\n`;
  await writeFile(join(ssh, 'config'), `${entries.join('')}${all}`, { mode: 0o600 });
  await writeKnownHosts(home, hosts);
}

async function writeKnownHosts(home: string, hosts: readonly MadeHost[]): Promise<void> {
  await writeFile(join(home, '.ssh', 'known_hosts'), hosts.map(({ address, hostKey }) => `${address} ${hostKey}\n`).join(''));
}

/** Both ways to let ssh know the hosts. It reads the home in passwd, not $HOME, so a variable alone cannot. */
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

async function whenGreeted(address: string): Promise<'greeted'> {
  const end = Date.now() + UP_WITHIN_MS;
  for (;;) {
    const socket = connect({ host: address, port: 22 });
    try {
      await once(socket, 'data', { signal: AbortSignal.timeout(1_000) });
      return 'greeted';
    } catch (error) {
      if (Date.now() > end) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    } finally {
      socket.on('error', () => undefined).destroy();
    }
  }
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}
