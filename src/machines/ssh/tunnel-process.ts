import type { ChildProcess } from 'node:child_process';
import { rmSync } from 'node:fs';
import { JobError, LOOPBACK, sshName, type SshTarget } from '../../contract/index.ts';
import { connectionFailure, lastWords } from './failure.ts';
import { Frame, NOISE_LIMIT_BYTES } from './frame.ts';
import { sshArguments } from './openssh.ts';
import { runSsh } from './run-ssh.ts';
import { endGroup, noSsh, spawnSsh } from './spawn-ssh.ts';

/**
 * Runs at the far end, without anything of its environment. It ends when its stdin does, however this process ends, and ssh with
 * it: no tunnel outlives its owner.
 */
const AT_THE_END = 'exec env -i cat >/dev/null';

const UP_WITHIN_MS = 15_000;
const FORWARD_WITHIN_MS = 5_000;
const END_GRACE_MS = 1_000;
const WORDS_LIMIT_CHARS = 8 * 1024;
/** A tunnel that is up has nothing to say: what a machine says beyond this is meant to keep us busy. */
const CHATTER_LIMIT_BYTES = 1024 * 1024;
/** As ssh says it when somebody connects to the port here, and the server does not forward it there. */
export const FORWARD_REFUSED = /open failed: (administratively prohibited|unknown channel type)/;

export interface TunnelProcess {
  /** Resolves when it leads there; stays open when it never does. */
  up: Promise<void>;
  /** Resolves with why it ended, when nothing of it is left. */
  ended: Promise<JobError>;
  end(): Promise<void>;
}

/** How ssh is called for it. */
export interface Way {
  target: SshTarget;
  /** By which the connection that is there is asked for the port; of this tunnel alone. */
  socket: string;
  /** Options that only newer versions of ssh know. */
  newer: readonly string[];
}

interface Ends {
  localPort: number;
  remotePort: number;
}

/**
 * One ssh that forwards a local port, until either side or the line in between gives up. It logs in first, without any port, for an
 * option that leaves out the user's `LocalForward` leaves out ours too; then it is asked for ours over its control socket.
 */
export function startTunnel(way: Way, ends: Ends): TunnelProcess {
  const { target, socket, newer } = way;
  // One that was killed has left it.
  rmSync(socket, { force: true });
  const frame = new Frame();
  const isUp = () => frame.begun;
  // INFO is where ssh says that the other side has fallen silent.
  const options = ['-o', 'LogLevel=INFO', '-o', 'ControlMaster=yes', '-o', 'ControlPersist=no', '-S', socket];
  const child = spawnSsh(newer, sshArguments({ target, options, command: frame.command(AT_THE_END) }));
  child.stdin.on('error', () => undefined);
  let failure: JobError | undefined;
  const giveUp = (error: JobError) => {
    failure ??= error;
    child.kill('SIGKILL');
  };
  const late = setTimeout(() => giveUp(silent(target, frame)), UP_WITHIN_MS);
  let words = '';
  let chatterBytes = 0;
  const onChatter = (chunk: Buffer) => {
    chatterBytes += chunk.length;
    if (chatterBytes > (frame.begun ? CHATTER_LIMIT_BYTES : NOISE_LIMIT_BYTES)) giveUp(chatty(target));
  };
  child.stderr.on('data', (chunk: Buffer) => {
    onChatter(chunk);
    words = (words + chunk.toString()).slice(-WORDS_LIMIT_CHARS);
    if (FORWARD_REFUSED.test(words)) giveUp(refused(target, ends.remotePort));
  });
  const begun = new Promise<void>((resolve) => {
    child.stdout.on('data', (chunk: Buffer) => {
      onChatter(chunk);
      const wasUp = frame.begun;
      frame.push(chunk);
      if (wasUp || !isUp()) return;
      chatterBytes = 0;
      resolve();
    });
  });
  const up = begun.then(async () => {
    const why = await forward(way, ends);
    clearTimeout(late);
    if (why === undefined) return;
    giveUp(/Address already in use|cannot listen to port/.test(words + why.message) ? portTaken(target, ends) : why);
    await new Promise(() => undefined);
  });
  // With the far end gone, ssh would wait for the last connection through it.
  child.stdout.once('end', () => child.kill());
  const ended = whenEnded(child).then((cause) => {
    clearTimeout(late);
    endGroup(child);
    rmSync(socket, { force: true });
    if (cause !== undefined) return noSsh(cause);
    return failure ?? connectionFailure(frame.wordsOf(words), target);
  });
  return { up, ended, end: () => end(child, ended) };
}

/** Asks the connection for our port. The user's config has no part in that. @returns why it did not work */
async function forward({ target, socket }: Way, { localPort, remotePort }: Ends): Promise<JobError | undefined> {
  const ports = ['-L', `${LOOPBACK}:${localPort}:${LOOPBACK}:${remotePort}`];
  const argv = ['-F', 'none', '-S', socket, '-O', 'forward', ...ports, '--', target.host];
  const { signal } = new AbortController();
  try {
    const { status, stderr } = await runSsh(argv, { signal, withinMs: FORWARD_WITHIN_MS, doing: 'ssh -O forward' });
    if (status === 0) return undefined;
    return new JobError('ssh_failed', `ssh could not forward a port to ${sshName(target)}: ${lastWords(stderr)}`);
  } catch (error) {
    if (error instanceof JobError) return error;
    throw error;
  }
}

async function end(child: ChildProcess, ended: Promise<unknown>): Promise<void> {
  child.stdin?.end();
  child.kill();
  const killer = setTimeout(() => child.kill('SIGKILL'), END_GRACE_MS);
  await ended;
  clearTimeout(killer);
}

/** @returns the error of a process that could not be started */
function whenEnded(child: ChildProcess): Promise<Error | undefined> {
  return new Promise((resolve) => {
    child.once('error', resolve);
    child.once('exit', () => resolve(undefined));
  });
}

function portTaken(target: SshTarget, { localPort }: Ends): JobError {
  const says = `Port ${localPort} of this machine, through which ${sshName(target)} is reached, is taken by another program`;
  return new JobError('port_taken', says);
}

/** What a server says that lets nobody forward this port. */
export function refused(target: SshTarget, remotePort: number): JobError {
  const says = `The SSH server of ${sshName(target)} lets nobody forward a port to ${LOOPBACK}:${remotePort} there`;
  return new JobError(
    'ssh_failed',
    `${says}: see AllowTcpForwarding and PermitOpen in its sshd_config, and the options of your key`,
  );
}

function silent(target: SshTarget, frame: Frame): JobError {
  const within = `within ${UP_WITHIN_MS / 1000} s`;
  if (frame.noise.bytes === 0) return new JobError('ssh_unreachable', `${sshName(target)} did not let us in ${within}`);
  return new JobError('ssh_failed', `The login shell of ${sshName(target)} did not run the command it was given ${within}`);
}

function chatty(target: SshTarget): JobError {
  return new JobError('ssh_failed', `${sshName(target)} prints without an end`);
}
