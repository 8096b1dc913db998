import { hostname } from 'node:os';
import { randomUUID } from 'node:crypto';
import { JobError } from '../../contract/index.ts';
import { isAlive, processStart } from '../../daemon/index.ts';
import { log } from '../../narration/index.ts';
import { noted, OWNER, requireOwn } from './owner.ts';
import { readReply, runScript, type HiveSite } from './site.ts';

const BEAT_MS = 20_000;
/** By the machine's own clock. A holder who has missed five beats is gone, or his connection is. */
const STALE_S = 120;
const RELEASE_DEADLINE_MS = 15_000;

/** Ids of the locks that this process holds. Any other with its name was left when a connection was cut. */
const ownLocks = new Set<string>();

const UNWRITABLE = 'unwritable';

/** Whether a lock could not be taken for lack of anything to write it on: then nobody else has it either. */
export function isUnwritable(error: unknown): error is JobError {
  return error instanceof JobError && (error.code === 'disk_full' || error.cause === UNWRITABLE);
}

/** Who holds the lock, as the machine keeps it. */
interface Holder {
  host: string;
  pid: number;
  started: string;
  id: string;
}

/** $1 the holder, $2 the fleet, $3 the hive's name, $4 when a lock is stale, $5 a holder who is known to have ended. */
const TAKE = `
${OWNER}
lock=$root/lock
holder() { cat "$lock/holder" 2>/dev/null || :; }
# Whole or not at all: where a disk is full, nothing is left that somebody would wait for.
take() {
  said=$(mkdir "$lock" 2>&1) || { [ -d "$lock" ] || unwritable; return 1; }
  said=$({ date +%s >"$lock/beat" && printf '%s\\n' "$1" >"$lock/holder"; } 2>&1) || { rm -rf "$lock"; unwritable; }
}
unwritable() { echo "unwritable $said"; exit 0; }
said=$({ mkdir -p "$root" && chmod 700 "$root"; } 2>&1) || unwritable
if ! take "$1"; then
  # One without it has just been taken, or was left by a crash; one that says no time is worth nothing.
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
  # Of several that see the same stale lock, one removes it, after another look.
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
# Written once: so it needs no room where a hive is removed to make some.
if [ "$(cat "$root/fleet" 2>/dev/null || :)" != "$(printf '%s\\n' "$2" "$3")" ]; then
  said=$({ printf '%s\\n' "$2" "$3" >"$root/fleet.new" && mv -f "$root/fleet.new" "$root/fleet"; } 2>&1) ||
    { rm -rf "$lock" "$root/fleet.new"; unwritable; }
fi
echo 'taken yes'
`;

/** $1 the holder. */
const BEAT = `
if [ "$(cat "$root/lock/holder" 2>/dev/null || :)" = "$1" ]; then date +%s >"$root/lock/beat"; echo 'ours yes'; fi
`;

/** $1 the holder. What came to nothing leaves nothing. */
const RELEASE = `
[ "$(cat "$root/lock/holder" 2>/dev/null || :)" = "$1" ] || exit 0
rm -rf "$root/lock"
rmdir "$root/layers" "$root/versions" 2>/dev/null || :
for left in layers versions home current; do [ ! -e "$root/$left" ] || exit 0; done
rm -f "$root/fleet" "$root/fleet.new" "$root/token"
rmdir "$root" 2>/dev/null || :
`;

/**
 * One at a time changes what is installed on a machine. `work` gets a site whose signal also ends when the lock is lost.
 * @throws JobError install_failed when another install is under way, the machine is of another fleet, or has another hive of this one
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
      // A connection that is cut fails the work itself; only a lock that is another's must be told.
      if (cause instanceof JobError && cause.code === 'install_failed') lost.abort(cause);
      else log.debug({ err: cause }, 'the lock of the machine could not be kept this time');
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
    readReply(await runScript(site, TAKE, { args: [holder, site.fleet, noted(site.hiveId), String(STALE_S), ended] }));
  let reply = await take('');
  const held = reply.get('held');
  // On our own machine we see whether the holder still runs, and need not wait for its lock to become stale.
  if (held !== undefined && (await hasEnded(held))) reply = await take(held);
  if (reply.has('taken')) return;
  const unwritable = reply.get('unwritable');
  if (unwritable !== undefined) throw unwritableError(unwritable);
  await requireOwn(site, { fleet: reply.get('fleet'), hive: reply.get('hive') });
  const by = parseHolder(reply.get('held') ?? '');
  const who =
    by === undefined ? '' : ` by the queen on ${by.host} (process ${by.pid}), heard of ${reply.get('age') ?? '0'} s ago`;
  throw new JobError('install_failed', `Another install on this machine is under way${who}. Wait for its end, and try again`);
}

/** Nothing can be changed there, by anybody. */
function unwritableError(words: string): JobError {
  if (/no space left|quota/i.test(words)) return new JobError('disk_full', `The disk of the machine is full: ${words}`);
  return new JobError('install_failed', `Nothing can be written to ~/.rbee of the machine: ${words}`, { cause: UNWRITABLE });
}

async function keep(site: HiveSite, holder: string): Promise<void> {
  if (readReply(await runScript(site, BEAT, { args: [holder] })).has('ours')) return;
  throw new JobError('install_failed', 'This install was silent for too long, and another one has taken its place');
}

/** Also when the work was cancelled. A lock that stays, because the machine is away, becomes stale. */
async function release(site: HiveSite, holder: string): Promise<void> {
  try {
    await runScript({ shell: site.shell, signal: AbortSignal.timeout(RELEASE_DEADLINE_MS) }, RELEASE, { args: [holder] });
  } catch (cause) {
    log.warn({ err: cause }, 'the lock of the machine could not be removed; it becomes stale');
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
    // Not written yet, or not by us.
    return undefined;
  }
}
