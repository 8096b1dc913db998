import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join, relative } from 'node:path';
import type { Bridge } from './bridge.ts';
import { done } from './done.ts';

export const SSHD = '/usr/sbin/sshd';
const UP_WITHIN_MS = 100_000;

export interface HostOptions {
  /** Login shell of root there; /bin/bash when left out. */
  shell?: string;
  /** More login names, all of them root, each with its own home in /root/homes: many kinds of machines in one. */
  logins?: readonly Login[];
}

export interface Login {
  name: string;
  /** /bin/bash when left out. */
  shell?: string;
  /** Lines of sshd_config for this login. */
  sshd?: string;
}

/** A machine: its own network, processes, host name, /tmp and home, and sshd. It has no Node. */
export interface Host {
  name: string;
  address: string;
  /** Its /root, as seen from here. */
  home: string;
  /** Drops its packets without an error. */
  drop(): Promise<void>;
  /** Unplugs its cable: after a while, other machines find no route. */
  down(): Promise<void>;
  restore(): Promise<void>;
  /** @throws where the kernel has no netem */
  slow(how: { delayMs?: number; mbitPerS?: number }): Promise<void>;
  /** Kills every process at once, like a power failure. */
  crash(): Promise<void>;
  /** After a crash. */
  boot(): Promise<void>;
  /** Replaces its host key, like a reinstallation. */
  rekey(): Promise<void>;
  /** Runs a command of sh there as root. @returns its stdout */
  exec(command: string): Promise<string>;
  /** All files under its home, folders with a slash at the end, in order. */
  tree(): string[];
  processes(): { pid: number; args: string }[];
}

interface Plan {
  name: string;
  folder: string;
  bridge: Bridge;
  at: number;
  options: HostOptions;
}

export class MadeHost implements Host {
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
    const { shell = '/bin/bash', logins = [] } = this.#options;
    const matches = logins.map(({ name, sshd = '' }) => (sshd === '' ? '' : `Match User ${name}\n${sshd}\n`));
    await writeFile(join(this.#folder, 'ssh', 'sshd_config'), SSHD_CONFIG + matches.join(''));
    await writeFile(join(this.#folder, 'passwd'), passwdWith({ home: '/root', shell }) + logins.map(passwdLine).join(''));
    const names = ['root', ...logins.map(({ name }) => name)];
    const shadow = names.map((name) => `${name}:*:19000:0:99999:7:::\n`).join('');
    await writeFile(join(this.#folder, 'shadow'), shadow, { mode: 0o600 });
    for (const { name } of logins) await mkdir(join(this.home, 'homes', name), { recursive: true });
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
    // It is killed with this process, even if that is killed itself.
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
          return []; // It has exited.
        }
      });
  }

  /** Its init process: when it is killed, all others are. */
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
AuthorizedKeysFile .ssh/authorized_keys /root/.ssh/authorized_keys
Subsystem sftp internal-sftp
`;

/** $1 its folder, $2 its name, then the programs to hide. Its mounts are private. */
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

const passwdLine = ({ name, shell = '/bin/bash' }: Login) => `${name}:x:0:0::/root/homes/${name}:${shell}\n`;

/** This machine's users, with another home and shell for this user. */
export function passwdWith({ home, shell }: { home: string; shell: string }): string {
  const others = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('root:'));
  const privileges = others.some((line) => line.startsWith('sshd:')) ? [] : ['sshd:x:65533:65534::/run/sshd:/usr/sbin/nologin'];
  return [`root:x:0:0:root:${home}:${shell}`, ...others, ...privileges, ''].join('\n');
}

async function whenGreeted(address: string): Promise<'greeted'> {
  const end = Date.now() + UP_WITHIN_MS;
  for (;;) {
    const socket = connect({ host: address, port: 22 });
    try {
      await once(socket, 'data', { signal: AbortSignal.timeout(5_000) });
      return 'greeted';
    } catch (error) {
      if (Date.now() > end) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    } finally {
      socket.on('error', () => undefined).destroy();
    }
  }
}

export function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}
