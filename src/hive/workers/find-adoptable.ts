import type * as z from 'zod';
import { workerFlags, type ToolForm } from '../../contract/index.ts';
import {
  isAlive,
  killGroupOf,
  listPidfiles,
  homeTrust,
  probe,
  removePidfile,
  stopProcess,
  type HomePaths,
  type Pidfile,
} from '../../daemon/index.ts';
import { log } from '../../narration/index.ts';
import { STOP_GRACE_MS } from './limits.ts';
import { loadedFacts, specFrom, type WorkerSpec } from './worker-spec.ts';

/** A machine that has just started may be busy. */
const ADOPT_PROBE_MS = 3_000;

interface Home {
  hiveId: string;
  paths: HomePaths;
}

export interface Adoptable {
  pidfile: Pidfile;
  spec: WorkerSpec;
  port: number;
  contextSize: number;
  toolForm: ToolForm | undefined;
}

/**
 * The workers of this hive that run and answer. Any other is stopped, without waiting for it; also one that is still loading, because
 * its progress is reported to its starter only.
 */
export async function findAdoptable(home: Home): Promise<{ adoptable: Adoptable[]; dead: string[] }> {
  const reads = await listPidfiles(home.paths.run);
  const workers = reads.flatMap((read) => (read.kind === 'found' && read.pidfile.role === 'worker' ? [read.pidfile] : []));
  const ours = workers.filter(({ extra }) => extra?.['hiveId'] === home.hiveId);
  const found = await Promise.all(ours.map((pidfile) => examine(pidfile, home)));
  const dead = found.flatMap((each) => (typeof each === 'string' ? [each] : []));
  return { adoptable: found.filter((each) => typeof each === 'object'), dead };
}

/** @returns the worker's id where it has exited or frozen */
async function examine(pidfile: Pidfile, { paths }: Home): Promise<Adoptable | string | undefined> {
  const { name, host, port, version } = pidfile;
  if (!(await isAlive(pidfile))) {
    await killGroupOf(pidfile).catch((cause: unknown) =>
      log.error({ err: cause, worker_id: name }, `the children of ${name} could not be killed`),
    );
    await removePidfile(paths.run, pidfile);
    return name;
  }
  const found = await probe(host, port, { withinMs: ADOPT_PROBE_MS, trust: homeTrust(paths) });
  const isWell = found.kind === 'rbee' && found.health.name === name && version === __RBEE_VERSION__;
  const { spec, contextSize, toolForm } = recordedBy(pidfile) ?? {};
  if (isWell && spec !== undefined && contextSize !== undefined) return { pidfile, spec, port, contextSize, toolForm };
  log.warn({ worker_id: name }, `stopping a worker that cannot be adopted: ${isWell ? 'it was still loading' : found.kind}`);
  void stopProcess(pidfile, { graceMs: STOP_GRACE_MS })
    .then(() => killGroupOf(pidfile))
    .then(() => removePidfile(paths.run, pidfile))
    .catch((cause: unknown) => log.error({ err: cause, worker_id: name }, `${name} could not be stopped`));
  return found.kind === 'frozen' ? name : undefined;
}

/** The flags that a worker has written into its pidfile, and, once it has loaded, what it has found of its model. */
const adoptableExtra = workerFlags.extend(loadedFacts.shape);

/** Undefined for a pidfile that cannot be parsed. */
function recordedBy({ extra }: Pidfile): ({ spec: WorkerSpec } & z.output<typeof loadedFacts>) | undefined {
  const flags = adoptableExtra.safeParse(extra);
  if (!flags.success) return undefined;
  const { contextSize, toolForm } = flags.data;
  return { spec: specFrom(flags.data), contextSize, toolForm };
}
