import assert from 'node:assert/strict';
import { isSystemError } from './file-error.ts';
import type { ProcessIdentity } from './pidfile.ts';
import { isOfThisBoot, processStart } from './process-start.ts';

/**
 * Kills every process in the group of a daemon that startDaemon has started: the daemon, and children that have not ended with it.
 * (A daemon is the leader of its group; a child that has made itself the leader of another group is not in it.)
 *
 * Also after the daemon has ended: while a member of a group is left, the system gives the group's number to no new process. So a
 * process that has the daemon's pid and another start means that the group was empty, and nothing is killed. Nor is the group of a daemon
 * from before a reboot: its number may be that of any other group now.
 *
 * @param identity without `started`, a child that this process has just reaped
 */
export async function killGroupOf({ pid, started }: Omit<ProcessIdentity, 'started'> & Partial<ProcessIdentity>): Promise<void> {
  // In kill(2), -1 is every process of this user, and 0 this process's own group.
  assert(Number.isSafeInteger(pid) && pid > 1, 'the pid of a daemon');
  if (started !== undefined && !(await isOfThisBoot(started))) return;
  const now = await processStart(pid);
  if (now !== undefined && now !== started) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch (error) {
    // ESRCH: the group is empty. EPERM, on macOS: all that is left of it are zombies.
    if (!isSystemError(error) || (error.code !== 'ESRCH' && error.code !== 'EPERM')) throw error;
  }
}
