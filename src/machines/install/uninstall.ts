import { formatBytes, JobError } from '../../contract/index.ts';
import { narrate } from '../../narration/index.ts';
import { statusRemote, STOP } from './hive-process.ts';
import { isUnwritable, withLock } from './lock.ts';
import { requireOwnMachine } from './owner.ts';
import { readReply, runScript, type HiveSite } from './site.ts';

export interface Uninstalled {
  freedBytes: number;
  /** Whether there were any, and they were to stay. */
  hasLeftModels: boolean;
}

const UNINSTALL_DEADLINE_MS = 5 * 60_000;

/** Whoever has deleted the folder by hand has not ended what runs from it. */
const IS_THERE = `
${STOP}
if [ -d "$root" ] || [ -n "$(all_ours '')" ]; then echo 'there yes'; fi
`;

/** $1 'yes' to leave the models. Only what we have put there goes; the folder itself when nothing else is in it. */
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
 * Stops the hive and its workers and removes what was put on the machine. Once more, it does nothing.
 * @throws JobError install_failed when another install is under way there, or something cannot be removed; as requireOwn and Shell.run
 */
export async function uninstall(site: HiveSite, { keepModels }: { keepModels: boolean }): Promise<Uninstalled> {
  if (!readReply(await runScript(site, IS_THERE)).has('there')) {
    narrate('hive_uninstall', 'nothing is installed there');
    return { freedBytes: 0, hasLeftModels: false };
  }
  await requireOwnMachine(site);
  try {
    return await withLock(site, (locked) => remove(locked, keepModels));
  } catch (cause) {
    // A full disk is a reason to remove something, and a hive on a read-only one must be stopped all the same.
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
    const next = 'Mend that there, and uninstall it once more';
    throw new JobError('install_failed', `The hive is stopped, and not all of it can be removed: ${kept}. ${next}`);
  }
  const freedBytes = Math.max(Number(reply.get('before')) - Number(reply.get('after')), 0) * 1024;
  const hasLeftModels = reply.has('left');
  const left = hasLeftModels ? ', the models are still there' : '; there were no models to keep';
  narrate('hive_uninstall', `removed; ${formatBytes(freedBytes)} are free again${keepModels ? left : ''}`);
  return { freedBytes, hasLeftModels };
}
