import { homePaths, isAlive, listPidfiles, type Pidfile } from '../../daemon/index.ts';

/** The daemons of this home on this machine, by their pidfiles. */
export interface LocalProcesses {
  running: Pidfile[];
  /** Of processes that exited without removing their pidfile. */
  stale: Pidfile[];
}

export async function localProcesses(): Promise<LocalProcesses> {
  const reads = await listPidfiles(homePaths().run);
  const pidfiles = reads.flatMap((read) => (read.kind === 'found' ? [read.pidfile] : []));
  const alive = await Promise.all(pidfiles.map(isAlive));
  return {
    running: pidfiles.filter((_pidfile, at) => alive[at]),
    stale: pidfiles.filter((_pidfile, at) => !alive[at]),
  };
}
