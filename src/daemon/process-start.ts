import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { uptime } from 'node:os';
import { promisify } from 'node:util';
import { isSystemError } from './file-error.ts';

/**
 * The time when the kernel started the process with this pid, as an opaque string; undefined when no such process runs.
 * Pid and start together identify one process: the system reuses a pid, but never with the same start.
 * A zombie counts as exited: in a container without an init process it is never reaped, and would look alive indefinitely.
 */
export async function processStart(pid: number): Promise<string | undefined> {
  return process.platform === 'linux' ? startFromProc(pid) : startFromPs(pid);
}

/** proc(5): after the command's closing parenthesis come the state (field 3) and, 19 fields on, the start (field 22). */
export async function startFromProc(pid: number): Promise<string | undefined> {
  const stat = await readOfProc(`/proc/${pid}/stat`);
  if (stat === undefined) return undefined;
  // The command's name may contain spaces and parentheses, so only the last parenthesis counts.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state, ticks] = [fields[0], fields[19]];
  if (ticks === undefined || state === 'Z' || state === 'X') return undefined;
  // The start is relative to the boot. Without the boot id, a pidfile from an earlier boot could match by chance.
  return `${await thisBoot()}:${ticks}`;
}

let bootId: Promise<string | undefined> | undefined;

async function thisBoot(): Promise<string> {
  bootId ??= readOfProc('/proc/sys/kernel/random/boot_id');
  return (await bootId)?.trim() ?? 'unknown-boot';
}

/** Whether a process with this start, from processStart, was started since the machine was. */
export async function isOfThisBoot(started: string): Promise<boolean> {
  return process.platform === 'linux' ? started.startsWith(`${await thisBoot()}:`) : isSinceBoot(started);
}

/** @param started from startFromPs: 'Sat Nov 28 00:04:05 2026', in UTC and without fractions of a second */
export function isSinceBoot(started: string, bootedAt = Date.now() - uptime() * 1_000): boolean {
  return Date.parse(`${started} UTC`) >= bootedAt - 1_000;
}

/** `ps`, where there is no /proc. With a fixed locale and time zone, so that the same start always has the same text. */
export async function startFromPs(pid: number): Promise<string | undefined> {
  const env = { PATH: process.env['PATH'], LC_ALL: 'C', TZ: 'UTC' };
  const { stdout } = await promisify(execFile)('ps', ['-o', 'stat=,lstart=', '-p', String(pid)], { env }).catch(noSuchProcess);
  const [state, ...start] = stdout.trim().split(/\s+/);
  return state === undefined || start.length === 0 || state.startsWith('Z') ? undefined : start.join(' ');
}

/** ps exits with 1 and prints nothing when no process has the pid. */
function noSuchProcess(error: unknown): { stdout: string } {
  if (error instanceof Error && 'code' in error && error.code === 1) return { stdout: '' };
  throw error;
}

/** If a process exits between the opening and the reading of its file, reading fails with ESRCH. */
async function readOfProc(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'latin1');
  } catch (error) {
    if (isSystemError(error) && (error.code === 'ENOENT' || error.code === 'ESRCH')) return undefined;
    throw error;
  }
}
