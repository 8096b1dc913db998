import { spawn, type ChildProcess } from 'node:child_process';
import { JobError, type SshTarget } from '../../contract/index.ts';
import { connectionFailure } from './failure.ts';
import { sshArguments, targetName } from './openssh.ts';
import { shellQuote } from './quote.ts';
import { noSsh } from './run-ssh.ts';

const UP = 'rbee-tunnel-is-up';
/**
 * Runs at the far end. That it is heard proves that we are logged in, and ssh has bound the local port before it runs anything. It
 * ends when its stdin does, however this process ends, and ssh with it: no tunnel outlives its owner.
 */
const AT_THE_END = `exec sh -c ${shellQuote(`echo ${UP}; exec cat >/dev/null`)}`;

const UP_WITHIN_MS = 15_000;
const END_GRACE_MS = 1_000;
const WORDS_LIMIT_CHARS = 8 * 1024;

export interface TunnelProcess {
  /** Resolves when it leads there; stays open when it never does. */
  up: Promise<void>;
  /** Resolves with why it ended, when nothing of it is left. */
  ended: Promise<JobError>;
  end(): Promise<void>;
}

interface Ends {
  localPort: number;
  remotePort: number;
}

/** One ssh that forwards a local port, until either side or the line in between gives up. */
export function startTunnel(target: SshTarget, ends: Ends): TunnelProcess {
  // INFO is where ssh says that the other side has fallen silent.
  const alone = ['-o', 'LogLevel=INFO', '-o', 'ControlMaster=no', '-o', 'ControlPath=none', '-o', 'ExitOnForwardFailure=yes'];
  const forward = ['-L', `127.0.0.1:${ends.localPort}:127.0.0.1:${ends.remotePort}`];
  const child = spawn('ssh', sshArguments({ target, options: [...alone, ...forward], command: AT_THE_END }));
  child.stdin.on('error', () => undefined);
  let words = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    words = (words + text).slice(-WORDS_LIMIT_CHARS);
  });
  let isLate = false;
  const late = setTimeout(() => {
    isLate = true;
    child.kill('SIGKILL');
  }, UP_WITHIN_MS);
  const up = whenSaid(child, UP).then(() => clearTimeout(late));
  // With the far end gone, ssh would wait for the last connection through it.
  child.stdout.once('end', () => child.kill());
  const ended = whenEnded(child).then((cause) => {
    clearTimeout(late);
    if (cause !== undefined) return noSsh(cause);
    return isLate ? silent(target) : whyEnded(words, { target, ...ends });
  });
  return { up, ended, end: () => end(child, ended) };
}

async function end(child: ChildProcess, ended: Promise<unknown>): Promise<void> {
  child.stdin?.end();
  child.kill();
  const killer = setTimeout(() => child.kill('SIGKILL'), END_GRACE_MS);
  await ended;
  clearTimeout(killer);
}

/** A login shell may say something of its own before. */
function whenSaid(child: ChildProcess, word: string): Promise<void> {
  return new Promise((resolve) => {
    let said = '';
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-WORDS_LIMIT_CHARS);
      if (said.includes(word)) resolve();
    });
  });
}

/** @returns the error of a process that could not be started */
function whenEnded(child: ChildProcess): Promise<Error | undefined> {
  return new Promise((resolve) => {
    child.once('error', resolve);
    child.once('exit', () => resolve(undefined));
  });
}

function whyEnded(words: string, { target, localPort }: Ends & { target: SshTarget }): JobError {
  if (!/Address already in use|cannot listen to port/.test(words)) return connectionFailure(words, target);
  const says = `Port ${localPort}, through which ${targetName(target)} is reached, is taken by another program`;
  return new JobError('port_taken', says, { cause: words });
}

function silent(target: SshTarget): JobError {
  return new JobError('ssh_unreachable', `${targetName(target)} did not let us in within ${UP_WITHIN_MS / 1000} s`);
}
