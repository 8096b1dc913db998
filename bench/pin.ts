import { spawnSync } from 'node:child_process';

/**
 * Keeps a process, with all its threads, on one core, so that a server and its load do not take turns on the same one.
 * Where there is no taskset, the scheduler decides.
 */
export function pin(pid: number, core: number): void {
  spawnSync('taskset', ['--all-tasks', '--cpu-list', '--pid', String(core), String(pid)]);
}
