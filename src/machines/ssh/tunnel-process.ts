import type { ChildProcess } from 'node:child_process';
import { rmSync } from 'node:fs';
import { JobError, LOOPBACK, sshName, type SshTarget } from '../../contract/index.ts';
import { ChatterLimit } from './chatter.ts';
import { connectionFailure, lastOutput } from './failure.ts';
import { Frame, NOISE_LIMIT_BYTES } from './frame.ts';
import { sshArguments } from './openssh.ts';
import { runSsh } from './run-ssh.ts';
import { endGroup, newerOptions, noSsh, spawnSsh } from './spawn-ssh.ts';

/**
 * Runs on the other machine, with an empty environment. It exits when its stdin is closed, however this process ends, and ssh exits
 * with it: no tunnel outlives its owner.
 */
const AT_THE_END = 'exec env -i cat >/dev/null';

const UP_WITHIN_MS = 15_000;
const FORWARD_WITHIN_MS = 5_000;
const END_GRACE_MS = 1_000;
const WORDS_LIMIT_CHARS = 8 * 1024;
/** A tunnel that is up prints little: a line for each connection that its hive refuses. A machine that prints more than this is hostile. */
const CHATTER_LIMIT = { bytes: 1024 * 1024, perMs: 60_000 };
/** ssh's message for a connection to the local port that the server does not forward. */
export const FORWARD_REFUSED = /open failed: (administratively prohibited|unknown channel type)/;

export interface TunnelProcess {
  /** Resolves when the local port is forwarded; stays pending if that never happens. */
  up: Promise<void>;
  /** Resolves with the reason when the process has exited. */
  ended: Promise<JobError>;
  end(): Promise<void>;
}

export interface TunnelRoute {
  target: SshTarget;
  /** Control socket of this tunnel alone, over which ssh is requested to forward the port. */
  socket: string;
  localPort: number;
  remotePort: number;
}

/**
 * One ssh that forwards a local port, until either side or the connection fails. It logs in without any port, because the option that
 * leaves out the user's `LocalForward` also leaves out rbee's; the port is then requested over the control socket.
 */
export function startTunnel(route: TunnelRoute): TunnelProcess {
  const process = newerOptions().then((newer) => spawnTunnel(route, newer));
  return {
    up: process.then(({ up }) => up),
    ended: process.then(({ ended }) => ended),
    end: async () => (await process).end(),
  };
}

function spawnTunnel(route: TunnelRoute, newer: readonly string[]): TunnelProcess {
  const { target, socket } = route;
  // Left over from a killed process.
  rmSync(socket, { force: true });
  const frame = new Frame();
  // At INFO, ssh prints that the other side no longer answers.
  const options = ['-o', 'LogLevel=INFO', '-o', 'ControlMaster=yes', '-o', 'ControlPersist=no', '-S', socket];
  const child = spawnSsh(newer, sshArguments({ target, options, command: frame.command(AT_THE_END) }));
  child.stdin.on('error', () => undefined);
  let failure: JobError | undefined;
  const giveUp = (error: JobError) => {
    failure ??= error;
    child.kill('SIGKILL');
  };
  const late = setTimeout(() => giveUp(noLogin(target, frame)), UP_WITHIN_MS);
  let words = '';
  const noise = new ChatterLimit({ bytes: NOISE_LIMIT_BYTES, perMs: UP_WITHIN_MS });
  const chatter = new ChatterLimit(CHATTER_LIMIT);
  const onChatter = ({ length }: Buffer) => {
    if ((frame.begun ? chatter : noise).isExceededBy(length)) giveUp(chatty(target));
  };
  child.stderr.on('data', (chunk: Buffer) => {
    onChatter(chunk);
    words = (words + chunk.toString()).slice(-WORDS_LIMIT_CHARS);
    if (FORWARD_REFUSED.test(words)) giveUp(forwardRefused(target, route.remotePort));
  });
  const begun = new Promise<void>((resolve) => {
    child.stdout.on('data', (chunk: Buffer) => {
      onChatter(chunk);
      frame.push(chunk);
      if (frame.begun) resolve();
    });
  });
  const up = begun.then(async () => {
    const why = await forward(route);
    clearTimeout(late);
    if (why === undefined) return;
    giveUp(/Address already in use|cannot listen to port/.test(words + why.message) ? portTaken(route) : why);
    await new Promise(() => undefined);
  });
  // When the other end has exited, ssh would wait for the last connection through the tunnel.
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

/** Requests the port over the control socket, without the user's config. @returns the error, if that fails */
async function forward({ target, socket, localPort, remotePort }: TunnelRoute): Promise<JobError | undefined> {
  const ports = ['-L', `${LOOPBACK}:${localPort}:${LOOPBACK}:${remotePort}`];
  const argv = ['-F', 'none', '-S', socket, '-O', 'forward', ...ports, '--', target.host];
  const { signal } = new AbortController();
  try {
    const { status, stderr } = await runSsh(argv, { signal, withinMs: FORWARD_WITHIN_MS, doing: 'ssh -O forward' });
    if (status === 0) return undefined;
    return new JobError('ssh_failed', `ssh could not forward a port to ${sshName(target)}: ${lastOutput(stderr)}`);
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

function portTaken({ target, localPort }: TunnelRoute): JobError {
  const says = `Port ${localPort} of this machine, which rbee forwards to ${sshName(target)}, is in use by another program`;
  return new JobError('port_taken', says);
}

/** The SSH server forbids this port. */
export function forwardRefused(target: SshTarget, remotePort: number): JobError {
  const says = `The SSH server of ${sshName(target)} does not allow forwarding to ${LOOPBACK}:${remotePort} there`;
  return new JobError(
    'ssh_failed',
    `${says}: see AllowTcpForwarding and PermitOpen in its sshd_config, and the options of your key`,
  );
}

function noLogin(target: SshTarget, frame: Frame): JobError {
  const within = `within ${UP_WITHIN_MS / 1000} s`;
  if (frame.noise.bytes === 0) return new JobError('ssh_unreachable', `${sshName(target)} did not complete the login ${within}`);
  return new JobError('ssh_failed', `The login shell of ${sshName(target)} did not run the command ${within}`);
}

function chatty(target: SshTarget): JobError {
  return new JobError('ssh_failed', `${sshName(target)} prints endless output`);
}
