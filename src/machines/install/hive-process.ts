import * as z from 'zod';
import { JobError, isErrorCode } from '../../contract/index.ts';
import { requireOwnMachine } from './owner.ts';
import { readReply, runScript, type HiveSite } from './site.ts';

/** A hive that runs on its machine and is healthy there. */
export const installedHive = z.object({ port: z.int(), pid: z.int(), version: z.string(), started: z.boolean() });
export type InstalledHive = z.output<typeof installedHive>;

export interface HiveStart {
  /** Goes by stdin into a file that only its user reads. */
  token: string;
  /** Its last one, or the first free one from HIVE_PORT, when left out. */
  port?: number | undefined;
  /** Listens on every address of its machine. */
  everywhere?: boolean;
}

export interface RemoteStatus {
  /** Folder of the version that is installed; undefined where none is. */
  installed: string | undefined;
  /** As its pidfile says; whether it is well, only its port tells. */
  running: { pid: number; port: number; version: string } | undefined;
}

/** Another hive may have to end first, and the last port may be taken meanwhile: each has a deadline of its own there. */
const START_DEADLINE_MS = 120_000;
const STOP_DEADLINE_MS = 75_000;

const NOT_INSTALLED = `[ -x "$root/current/node" ] || { echo 'installed no'; exit 0; }`;

/** $1 the hive's id, $2 its port or nothing, $3 something to listen on every address; the token comes by stdin. */
const START = `
${NOT_INSTALLED}
token=$(cat)
# On a full disk, one that is there already is as good.
if [ "$(cat "$root/token" 2>/dev/null || :)" != "$token" ]; then
  cat >"$root/token.new" <<END
$token
END
  mv -f "$root/token.new" "$root/token"
fi
mkdir -p "$RBEE_HOME"
set -- up --id="$1" --token-file "$root/token" \${2:+--port "$2"} \${3:+--everywhere}
starting=$root/starting hive "$@" || echo
rm -f "$root/starting" 2>/dev/null || :
`;

/**
 * What does not end by being asked in good order, such as what has lost its program or its pidfile, ends by its pid. Only what runs from
 * this folder: a command line that begins with it, as the hive's and the workers' do. Nothing here needs to write: where a disk is full or
 * read-only, it works as well.
 */
export const STOP = `
real=$(cd "$root" 2>/dev/null && pwd -P || :)
real=\${real:-$(cd "$HOME" 2>/dev/null && pwd -P || :)/.rbee}
args_of() {
  if [ -r "/proc/$1/cmdline" ]; then tr '\\000' ' ' <"/proc/$1/cmdline"; else ps -ww -o args= -p "$1"; fi 2>/dev/null || :
}
# $1 a pid, $2 what is looked for in its command line.
ours() { case $(args_of "$1") in "$root"/*/dist/rbee.js*"\${2-}"* | "$real"/*/dist/rbee.js*"\${2-}"*) ;; *) return 1 ;; esac; }
all_ours() {
  if [ -r /proc/self/cmdline ]; then
    grep -l -F -e "$root/" -e "$real/" /proc/[0-9]*/cmdline 2>/dev/null | sed -n 's|^/proc/\\([0-9]*\\)/cmdline$|\\1|p'
  else ps -A -ww -o pid=,args= | grep -F -e "$root/" -e "$real/" | awk '{ print $1 }'
  fi | while read -r pid; do ! ours "$pid" "$1" || echo "$pid"; done
}
wait_for() { for second in 1 2 3 4 5; do ours "$1" || return 0; sleep 1; done; return 1; }
stop_all() {
  # A start that nobody waits for any more gives up when it is asked, and ends what it has begun.
  pid=$(cat "$root/starting" 2>/dev/null || :)
  case $pid in '' | *[!0-9]*) ;; *) if ours "$pid"; then kill "$pid" 2>/dev/null && wait_for "$pid" || :; fi ;; esac
  rm -f "$root/starting" 2>/dev/null || :
  [ ! -x "$root/current/node" ] || hive halt || echo
  # The hive first, which would start its workers again.
  for which in ' hive ' ''; do
    for pid in $(all_ours "$which"); do
      echo "ended $pid"
      kill "$pid" 2>/dev/null || continue
      wait_for "$pid" || kill -9 "$pid" 2>/dev/null || :
    done
  done
}
`;

const STATUS = `
[ ! -e "$root/current" ] || echo "installed $(basename "$(readlink "$root/current")")"
file=$RBEE_HOME/state/run/hive.json
[ ! -f "$file" ] || echo "pidfile $(cat "$file")"
pid=$(sed -n 's/.*"pid":\\([0-9][0-9]*\\).*/\\1/p' "$file" 2>/dev/null || :)
if [ -n "$pid" ] && kill -0 "$pid" 2>/dev/null; then echo 'alive yes'; fi
`;

/**
 * Lets the hive run that is installed there. One that runs already, as asked, is left alone.
 * @throws JobError hive_not_installed, what the start failed with (port_taken, daemon_start_failed …), as requireOwn and Shell.run
 */
export async function startRemote(site: HiveSite, { token, port, everywhere }: HiveStart): Promise<InstalledHive> {
  await requireOwnMachine(site);
  const args = [site.hiveId, port === undefined ? '' : String(port), everywhere === true ? 'yes' : ''];
  const said = await runScript(site, START, { args, input: token, withinMs: START_DEADLINE_MS });
  if (readReply(said).get('installed') === 'no') throw new JobError('hive_not_installed', 'No hive is installed on this machine');
  return installedHive.parse(resultOf(said, 'The hive'));
}

/** Asks the hive and its workers to end, and ends what does not. @returns whether any ran */
export async function stopRemote(site: HiveSite): Promise<{ stopped: boolean }> {
  await requireOwnMachine(site);
  const said = await runScript(site, `${STOP}\nstop_all\n`, { withinMs: STOP_DEADLINE_MS });
  return { stopped: /^ended /m.test(said) || /"stopped":\[\{/.test(said) };
}

export async function statusRemote(site: HiveSite): Promise<RemoteStatus> {
  const reply = readReply(await runScript(site, STATUS));
  const pidfile = z.object({ pid: z.int(), port: z.int(), version: z.string() }).safeParse(parseJson(reply.get('pidfile') ?? ''));
  return { installed: reply.get('installed'), running: reply.has('alive') && pidfile.success ? pidfile.data : undefined };
}

const event = z.object({ event: z.string(), data: z.unknown() });
const failure = z.object({ code: z.string(), message: z.string() });

/** Of a command that printed its events. @throws what it failed with, or install_failed with its last words */
function resultOf(said: string, who: string): unknown {
  const events = said.split('\n').map((line) => event.safeParse(parseJson(line)).data);
  const result = events.findLast((each) => each?.event === 'result');
  if (result !== undefined) return result.data;
  const failed = failure.safeParse(events.findLast((each) => each?.event === 'failed')?.data).data;
  if (failed !== undefined) throw new JobError(isErrorCode(failed.code) ? failed.code : 'daemon_start_failed', failed.message);
  throw new JobError('daemon_start_failed', `${who} did not start. Its last words: ${lastWords(said)}`);
}

export function lastWords(said: string): string {
  return said.trim().split('\n').slice(-5).join('\n').slice(-1000) || 'none';
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // What a shell or a dying program says between the events.
    return undefined;
  }
}
