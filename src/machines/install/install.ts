import { JobError, scopeOf } from '../../contract/index.ts';
import { log, narrate } from '../../narration/index.ts';
import { targetName, type Kit } from '../kit/index.ts';
import { startLocked, statusRemote, stopLocked, type HiveStart, type InstalledHive } from './hive-process.ts';
import { inspect, requireRoom } from './inspect.ts';
import { withLock } from './lock.ts';
import type { HiveSite } from './site.ts';
import { transfer } from './transfer.ts';
import { collect, dropVersion, requireRuns, switchVersion } from './versions.ts';

export interface InstallOrder extends HiveStart {
  kit: Kit;
  /** Awaited before a running hive is replaced: running jobs finish, and no other caller starts the hive meanwhile. */
  drain?: () => Promise<void>;
  /** Awaited before a hive that may have died is started: no other caller starts it meanwhile. */
  hold?: () => Promise<void>;
}

const ROLLBACK_DEADLINE_MS = 180_000;

/**
 * Installs a hive on a machine, or replaces its version, and starts it. Parts that are already there are not sent again, and a hive
 * of this version is not stopped. If a step fails, the previous version keeps running, or is started again.
 * @throws JobError install_failed, machine_unsupported, disk_full, and as Shell.run
 */
export function install(site: HiveSite, order: InstallOrder): Promise<InstalledHive> {
  const { kit } = order;
  const what = `rbee ${kit.version} for ${targetName(kit.target)}`;
  return withLock(site, async (locked) => {
    const found = await inspect(locked, kit);
    requireRoom(kit, found);
    const isCurrent = found.current === kit.folder;
    const isComplete = isCurrent && Object.keys(found.missing).length === 0;
    const step = isComplete
      ? `hive '${site.hiveId}' is up to date: ${what} is already installed`
      : `installing ${what} as hive '${site.hiveId}'`;
    narrate('hive_install', step);
    await transfer(locked, kit, found);
    if (!isCurrent) await requireRuns(locked, kit);
    if (isCurrent) await order.hold?.();
    const hive = isCurrent ? await start(locked, order) : await replace(locked, order, found.current);
    await collect(locked, kit);
    const how = hive.started ? 'is healthy' : 'is already running';
    narrate('hive_install', `hive '${site.hiveId}' ${how} on port ${hive.port} of its machine (pid ${hive.pid})`);
    return hive;
  });
}

async function start(site: HiveSite, order: InstallOrder): Promise<InstalledHive> {
  narrate('hive_install', `starting hive '${site.hiveId}'`, { detail: true });
  try {
    return await startLocked(site, order);
  } catch (cause) {
    throw !site.signal.aborted && isHiveError(cause)
      ? new JobError('install_failed', `The hive does not start: ${cause.message}`, { cause })
      : cause;
  }
}

/** From here on the previous hive may be down, so this ends with the new version or with the previous one. */
async function replace(site: HiveSite, order: InstallOrder, former: string | undefined): Promise<InstalledHive> {
  let wasRunning = false;
  try {
    wasRunning = (await statusRemote(site)).running !== undefined;
    await order.drain?.();
    if (wasRunning) narrate('hive_install', `stopping the running hive (${former ?? 'unknown version'})`);
    await stopLocked(site);
    narrate('hive_install', `switching to ${order.kit.folder}`, { detail: true });
    await switchVersion(site, { by: order.kit.folder, to: order.kit.folder });
    return await start(site, order);
  } catch (cause) {
    const back = await rollBack(site, order, { former, wasRunning });
    // A cancellation or a closed connection is reported as it is; the state of the machine would hide it.
    if (!(cause instanceof JobError) || cause.code !== 'install_failed') throw cause;
    throw new JobError('install_failed', `${cause.message}\n${back}`, { cause });
  }
}

/** With a signal of its own: a cancelled install must not leave the machine without its hive. */
async function rollBack(
  site: HiveSite,
  order: InstallOrder,
  { former, wasRunning }: { former: string | undefined; wasRunning: boolean },
): Promise<string> {
  const own = { ...site, signal: AbortSignal.timeout(ROLLBACK_DEADLINE_MS) };
  const { folder } = order.kit;
  narrate('hive_install', former === undefined ? 'removing the version that does not start' : `restoring ${former}`);
  try {
    await stopLocked(own);
    await switchVersion(own, { by: folder, to: former });
    if (former !== undefined && wasRunning) await startLocked(own, order);
    await dropVersion(own, folder);
    return former === undefined
      ? 'No hive is installed there now.'
      : `The previous version, ${former}, is restored${wasRunning ? ' and running' : ''}.`;
  } catch (cause) {
    log.error({ err: cause }, 'the previous version of the hive could not be restored');
    return `The previous version could not be restored either: ${cause instanceof Error ? cause.message : String(cause)}`;
  }
}

/** Whether the hive itself failed to start, and not the connection to its machine. */
export function isHiveError(cause: unknown): cause is JobError {
  if (!(cause instanceof JobError) || cause.code === 'cancelled' || cause.code === 'install_failed') return false;
  return scopeOf(cause.code) !== 'connection';
}
