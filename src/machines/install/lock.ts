import { hostname } from 'node:os';
import { randomUUID } from 'node:crypto';
import { JobError } from '../../contract/index.ts';
import { isAlive, processStart } from '../../daemon/index.ts';
import { log } from '../../narration/index.ts';
import { reportsFullDisk } from '../disk-full.ts';
import { recordedName, OWNER, requireOwn } from './owner.ts';
import { readReply, runScript, type HiveSite } from './site.ts';

const BEAT_MS = 20_000;
/** By the machine's own clock. A holder that has missed five beats has exited or lost its connection. */
const STALE_S = 120;
const RELEASE_DEADLINE_MS = 15_000;

/** Ids of the locks that this process holds. Any other lock of this process is left over from a closed connection. */
const ownLocks = new Set<string>();

const UNWRITABLE = 'unwritable';

/** Whether the lock could not be taken because the disk is not writable. No other process can hold it then. */
export function isUnwritable(error: unknown): error is JobError {
  return error instanceof JobError && (error.code === 'disk_full' || error.cause === UNWRITABLE);
}

/** The process that holds the lock, as recorded on the machine. */
interface Holder {
  host: string;
  pid: number;
  started: string;
  id: string;
}

/** $1 the holder, $2 the fleet, $3 the hive's name, $4 the age in seconds of a stale lock, $5 a holder that is known to have exited. */
const TAKE = `
${OWNER}
lock=$root/lock
holder() { cat "$lock/holder" 2>/dev/null || :; }
# All or nothing: on a full disk, no incomplete lock may stay and block others.
take() {
  said=$(mkdir "$lock" 2>&1) || { [ -d "$lock" ] || unwritable; return 1; }
  said=$({ date +%s >"$lock/beat" && printf '%s\\n' "$1" >"$lock/holder"; } 2>&1) || { rm -rf "$lock"; unwritable; }
}
unwritable() { echo "unwritable $said"; exit 0; }
said=$({ mkdir -p "$root" && chmod 700 "$root"; } 2>&1) || unwritable
if ! take "$1"; then
  # A lock without a beat has only just been taken, or is left over from a crash. A beat without a time is stale.
  [ -f "$lock/beat" ] || date +%s >"$lock/beat"
  holder=$(holder)
  beat=$(cat "$lock/beat")
  case $beat in '' | *[!0-9]*) beat=0 ;; esac
  age=$(($(date +%s) - beat))
  if [ "$age" -lt "$4" ] && [ "$age" -gt "-$4" ] && { [ -z "$5" ] || [ "$holder" != "$5" ]; }; then
    echo "age $age"
    echo "held $holder"
    exit 0
  fi
  # If several installers see the same stale lock, one of them removes it, after checking it again.
  mkdir "$lock.taking" 2>/dev/null || { echo "held $holder"; exit 0; }
  trap 'rmdir "$lock.taking"' EXIT
  [ "$(holder)" != "$holder" ] || rm -rf "$lock"
  take "$1" || { echo "held $(holder)"; exit 0; }
fi
fleet=$(fleet_noted)
hive=$(hive_noted)
if [ "\${fleet:-$2}" != "$2" ] || [ "\${hive:-$3}" != "$3" ]; then
  echo "fleet $fleet"
  echo "hive $hive"
  rm -rf "$lock"
  exit 0
fi
# Written once, so removing a hive to free space needs none.
if [ "$(cat "$root/fleet" 2>/dev/null || :)" != "$(printf '%s\\n' "$2" "$3")" ]; then
  said=$({ printf '%s\\n' "$2" "$3" >"$root/fleet.new" && mv -f "$root/fleet.new" "$root/fleet"; } 2>&1) ||
    { rm -rf "$lock" "$root/fleet.new"; unwritable; }
fi
echo 'taken yes'
`;

/** $1 the holder. */
const BEAT = `
if [ "$(cat "$root/lock/holder" 2>/dev/null || :)" = "$1" ]; then date +%s >"$root/lock/beat"; echo 'held yes'; fi
`;

/** $1 the holder. A failed first install leaves nothing behind. */
const RELEASE = `
[ "$(cat "$root/lock/holder" 2>/dev/null || :)" = "$1" ] || exit 0
rm -rf "$root/lock"
rmdir "$root/layers" "$root/versions" 2>/dev/null || :
for left in layers versions home current; do [ ! -e "$root/$left" ] || exit 0; done
rm -f "$root/fleet" "$root/fleet.new" "$root/token"
rmdir "$root" 2>/dev/null || :
`;

/**
 * Lets one process at a time change the installation on a machine. `work` gets a site whose signal also aborts when the lock is lost.
 * @throws JobError install_failed when another install is in progress, or the machine belongs to another fleet or another hive of this one
 */
export async function withLock<T>(site: HiveSite, work: (locked: HiveSite) => Promise<T>): Promise<T> {
  const id = randomUUID();
  ownLocks.add(id);
  try {
    return await withLockOf(await ownName(id), site, work);
  } finally {
    ownLocks.delete(id);
  }
}

async function withLockOf<T>(holder: string, site: HiveSite, work: (locked: HiveSite) => Promise<T>): Promise<T> {
  await takeLock(site, holder);
  const lost = new AbortController();
  const beat = setInterval(() => {
    keep(site, holder).catch((cause: unknown) => {
      // A closed connection fails the work itself. Only the loss of the lock has to be reported.
      if (cause instanceof JobError && cause.code === 'install_failed') lost.abort(cause);
      else log.debug({ err: cause }, 'the install lock on the machine could not be renewed this time');
    });
  }, BEAT_MS);
  try {
    return await work({ ...site, signal: AbortSignal.any([site.signal, lost.signal]) });
  } finally {
    clearInterval(beat);
    await release(site, holder);
  }
}

async function ownName(id: string): Promise<string> {
  const started = (await processStart(process.pid)) ?? '';
  return JSON.stringify({ host: hostname(), pid: process.pid, started, id } satisfies Holder);
}

async function takeLock(site: HiveSite, holder: string): Promise<void> {
  const take = async (ended: string) =>
    readReply(await runScript(site, TAKE, { args: [holder, site.fleet, recordedName(site.hiveId), String(STALE_S), ended] }));
  let reply = await take('');
  const held = reply.get('held');
  // On this machine, a holder that has exited is visible at once; its lock need not become stale first.
  if (held !== undefined && (await hasEnded(held))) reply = await take(held);
  if (reply.has('taken')) return;
  const unwritable = reply.get('unwritable');
  if (unwritable !== undefined) throw unwritableError(unwritable);
  await requireOwn(site, { fleet: reply.get('fleet'), hive: reply.get('hive') });
  const by = parseHolder(reply.get('held') ?? '');
  const who = by === undefined ? '' : ` by the queen on ${by.host} (process ${by.pid}), active ${reply.get('age') ?? '0'} s ago`;
  throw new JobError('install_failed', `Another install on this machine is in progress${who}. Try again when it has finished`);
}

/** No process can write there. */
function unwritableError(words: string): JobError {
  if (reportsFullDisk(words)) return new JobError('disk_full', `The disk of the machine is full: ${words}`);
  return new JobError('install_failed', `~/.rbee on the machine is not writable: ${words}`, { cause: UNWRITABLE });
}

async function keep(site: HiveSite, holder: string): Promise<void> {
  if (readReply(await runScript(site, BEAT, { args: [holder] })).has('held')) return;
  throw new JobError('install_failed', 'This install did not renew its lock in time, and another install has taken it over');
}

/** Also after a cancellation. If the machine is unreachable, the lock stays and becomes stale. */
async function release(site: HiveSite, holder: string): Promise<void> {
  try {
    await runScript({ shell: site.shell, signal: AbortSignal.timeout(RELEASE_DEADLINE_MS) }, RELEASE, { args: [holder] });
  } catch (cause) {
    log.warn({ err: cause }, 'the install lock on the machine could not be removed; it becomes stale');
  }
}

async function hasEnded(held: string): Promise<boolean> {
  const holder = parseHolder(held);
  if (holder === undefined || holder.host !== hostname()) return false;
  if (!(await isAlive(holder))) return true;
  return holder.pid === process.pid && !ownLocks.has(holder.id);
}

function parseHolder(held: string): Holder | undefined {
  try {
    const holder = JSON.parse(held) as Partial<Holder> | null;
    const { host, pid, started, id } = holder ?? {};
    if (typeof host !== 'string' || typeof pid !== 'number' || typeof started !== 'string' || typeof id !== 'string')
      return undefined;
    return { host, pid, started, id };
  } catch {
    // Not written yet, or not by rbee.
    return undefined;
  }
}
