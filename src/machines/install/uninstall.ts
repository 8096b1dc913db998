import { formatBytes, JobError } from '../../contract/index.ts';
import { narrate } from '../../narration/index.ts';
import { statusRemote, STOP } from './hive-process.ts';
import { isUnwritable, withLock } from './lock.ts';
import { requireOwnMachine } from './owner.ts';
import { readReply, runScript, type HiveSite } from './site.ts';

export interface Uninstalled {
  freedBytes: number;
  /** Whether models were kept as requested. */
  hasLeftModels: boolean;
}

const UNINSTALL_DEADLINE_MS = 5 * 60_000;

/** Processes may still run from a folder that was deleted by hand. */
const IS_THERE = `
${STOP}
if [ -d "$root" ] || [ -n "$(rbee_pids '')" ]; then echo 'there yes'; fi
`;

/** $1 'yes' to keep the models. Removes only what rbee has installed, and the folder itself if it is empty then. */
const REMOVE = `
${STOP}
stop_all
remove() { said=$(rm -rf "$1" 2>&1) || echo "kept $1: $said"; }
used() { if [ -d "$root" ]; then du -sk "$root" | awk '{ print $1 }'; else echo 0; fi; }
before=$(used)
if [ "$1" = yes ] && [ -n "$(ls -A "$RBEE_HOME/data/models" 2>/dev/null)" ]; then
  echo 'left yes'
  for each in "$RBEE_HOME"/* "$RBEE_HOME"/.[!.]* "$RBEE_HOME"/data/* "$RBEE_HOME"/data/.[!.]*; do
    case $each in "$RBEE_HOME/data" | "$RBEE_HOME/data/models") ;; *) remove "$each" ;; esac
  done
else
  remove "$RBEE_HOME"
fi
for each in versions layers current current.new token token.new starting fleet fleet.new lock; do remove "$root/$each"; done
rmdir "$root" 2>/dev/null || :
echo "before $before"
echo "after $(used)"
`;

/**
 * Stops the hive and its workers and removes what was installed on the machine. Does nothing where nothing is installed.
 * @throws JobError install_failed when another install is in progress there, or something cannot be removed; as requireOwn and Shell.run
 */
export async function uninstall(site: HiveSite, { keepModels }: { keepModels: boolean }): Promise<Uninstalled> {
  if (!readReply(await runScript(site, IS_THERE)).has('there')) {
    narrate('hive_uninstall', 'nothing is installed on the machine');
    return { freedBytes: 0, hasLeftModels: false };
  }
  await requireOwnMachine(site);
  try {
    return await withLock(site, (locked) => remove(locked, keepModels));
  } catch (cause) {
    // A full disk is a reason to remove a hive, and on a read-only disk the hive must be stopped nevertheless.
    if (!isUnwritable(cause)) throw cause;
    narrate('hive_uninstall', cause.message);
    return remove(site, keepModels);
  }
}

async function remove(site: HiveSite, keepModels: boolean): Promise<Uninstalled> {
  const { running } = await statusRemote(site);
  narrate(
    'hive_uninstall',
    running === undefined ? 'removing the hive' : `stopping the hive (pid ${running.pid}) and removing it`,
  );
  const said = await runScript(site, REMOVE, { args: [keepModels ? 'yes' : ''], withinMs: UNINSTALL_DEADLINE_MS });
  const reply = readReply(said);
  const kept = reply.get('kept');
  if (kept !== undefined) {
    const next = 'Fix that on the machine, and uninstall the hive again';
    throw new JobError('install_failed', `The hive is stopped, but not all of it could be removed: ${kept}. ${next}`);
  }
  const freedBytes = Math.max(Number(reply.get('before')) - Number(reply.get('after')), 0) * 1024;
  const hasLeftModels = reply.has('left');
  const left = hasLeftModels ? ', models kept' : '; there were no models to keep';
  narrate('hive_uninstall', `removed; ${formatBytes(freedBytes)} freed${keepModels ? left : ''}`);
  return { freedBytes, hasLeftModels };
}
