import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { isSystemError } from './file-error.ts';

/**
 * When the kernel started the process with this pid, as an opaque string; undefined when no such process runs.
 * Pid and start together name one process for ever: the system reuses a pid, but never with the same start.
 * A zombie counts as ended: in a container without an init process nobody reaps it, and it would look alive for ever.
 */
export async function processStart(pid: number): Promise<string | undefined> {
  return process.platform === 'linux' ? startFromProc(pid) : startFromPs(pid);
}

/** proc(5): after the command's closing parenthesis come the state (field 3) and, 19 fields on, the start (field 22). */
export async function startFromProc(pid: number): Promise<string | undefined> {
  const stat = await readOfProc(`/proc/${pid}/stat`);
  if (stat === undefined) return undefined;
  // The command's name may itself hold spaces and parentheses, so only the last one counts.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state, ticks] = [fields[0], fields[19]];
  if (ticks === undefined || state === 'Z' || state === 'X') return undefined;
  // The start counts from the boot, so without the boot's own id a pidfile from before it could match by chance.
  bootId ??= readOfProc('/proc/sys/kernel/random/boot_id');
  return `${(await bootId)?.trim() ?? 'unknown-boot'}:${ticks}`;
}

let bootId: Promise<string | undefined> | undefined;

/** `ps`, where there is no /proc. Fixed locale and time zone, or the same start would read differently in another shell. */
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

/** A process may end between the opening and the reading of its file, which then says ESRCH. */
async function readOfProc(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'latin1');
  } catch (error) {
    if (isSystemError(error) && (error.code === 'ENOENT' || error.code === 'ESRCH')) return undefined;
    throw error;
  }
}
