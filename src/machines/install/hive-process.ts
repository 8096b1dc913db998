import * as z from 'zod';
import { JobError, isErrorCode, parseJson } from '../../contract/index.ts';
import { lastOutput } from '../ssh/index.ts';
import { requireOwnMachine } from './owner.ts';
import { readReply, runScript, type HiveSite } from './site.ts';

/** A hive that is installed on a machine, and runs there. */
export const installedHive = z.object({ port: z.int(), pid: z.int(), version: z.string(), started: z.boolean() });
export type InstalledHive = z.output<typeof installedHive>;

export interface HiveStart {
  /** Sent over stdin, and stored in a file that only its user can read. */
  token: string;
  /** When left out: the hive's previous port, or the first free one from HIVE_PORT. */
  port?: number | undefined;
  /** Whether it listens on every address of its machine. */
  everywhere?: boolean;
}

export interface RemoteStatus {
  /** Folder of the installed version; undefined where none is installed. */
  installed: string | undefined;
  /** From its pidfile and its process; only a request to its port shows whether it is healthy. */
  running: { pid: number; port: number; version: string } | undefined;
}

/** Another hive may have to stop first, and the previous port may be in use: each wait has its own deadline there. */
const START_DEADLINE_MS = 120_000;
const STOP_DEADLINE_MS = 75_000;

const NOT_INSTALLED = `[ -x "$root/current/node" ] || { echo 'installed no'; exit 0; }`;

/** $1 the hive's id, $2 its port or empty, $3 non-empty to listen on every address. The token is read from stdin. */
const START = `
${NOT_INSTALLED}
token=$(cat)
# On a full disk, a token that is already stored is enough.
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
 * Processes that `hive halt` does not stop, for example because their program or pidfile was deleted, are killed by pid. That applies only
 * to processes of this folder: their command line starts with it, like that of the hive and its workers. Nothing here has to write, so
 * it also works on a full or read-only disk.
 */
export const STOP = `
real=$(cd "$root" 2>/dev/null && pwd -P || :)
real=\${real:-$(cd "$HOME" 2>/dev/null && pwd -P || :)/.rbee}
args_of() {
  if [ -r "/proc/$1/cmdline" ]; then tr '\\000' ' ' <"/proc/$1/cmdline"; else ps -ww -o args= -p "$1"; fi 2>/dev/null || :
}
# $1 a pid, $2 text in its command line.
is_rbee() { case $(args_of "$1") in "$root"/*/dist/rbee.js*"\${2-}"* | "$real"/*/dist/rbee.js*"\${2-}"*) ;; *) return 1 ;; esac; }
rbee_pids() {
  if [ -r /proc/self/cmdline ]; then
    grep -l -F -e "$root/" -e "$real/" /proc/[0-9]*/cmdline 2>/dev/null | sed -n 's|^/proc/\\([0-9]*\\)/cmdline$|\\1|p'
  else ps -A -ww -o pid=,args= | grep -F -e "$root/" -e "$real/" | awk '{ print $1 }'
  fi | while read -r pid; do ! is_rbee "$pid" "$1" || echo "$pid"; done
}
wait_for() { for second in 1 2 3 4 5; do is_rbee "$1" || return 0; sleep 1; done; return 1; }
stop_all() {
  # An abandoned start gives up on SIGTERM, and ends what it has started.
  pid=$(cat "$root/starting" 2>/dev/null || :)
  case $pid in '' | *[!0-9]*) ;; *) if is_rbee "$pid"; then kill "$pid" 2>/dev/null && wait_for "$pid" || :; fi ;; esac
  rm -f "$root/starting" 2>/dev/null || :
  [ ! -x "$root/current/node" ] || hive halt || echo
  # The hive first: it would restart its workers.
  for which in ' hive ' ''; do
    for pid in $(rbee_pids "$which"); do
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
 * Starts the hive that is installed on the machine. One that already runs as requested is left alone.
 * @throws JobError hive_not_installed, the error of the start (port_taken, daemon_start_failed …), as requireOwn and Shell.run
 */
export async function startRemote(site: HiveSite, start: HiveStart): Promise<InstalledHive> {
  await requireOwnMachine(site);
  return startLocked(site, start);
}

/** The same for the holder of the lock, which has compared the owner when it took it. */
export async function startLocked(site: HiveSite, { token, port, everywhere }: HiveStart): Promise<InstalledHive> {
  const args = [site.hiveId, port === undefined ? '' : String(port), everywhere === true ? 'yes' : ''];
  const said = await runScript(site, START, { args, input: token, withinMs: START_DEADLINE_MS });
  if (readReply(said).get('installed') === 'no') throw new JobError('hive_not_installed', 'No hive is installed on this machine');
  return installedHive.parse(resultOf(said, 'The hive'));
}

/** Stops the hive and its workers, and kills those that do not stop. @returns whether any was running */
export async function stopRemote(site: HiveSite): Promise<{ stopped: boolean }> {
  await requireOwnMachine(site);
  return stopLocked(site);
}

/** The same for the holder of the lock. */
export async function stopLocked(site: HiveSite): Promise<{ stopped: boolean }> {
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

/** The result in the events that a command printed. @throws its error, or daemon_start_failed with the end of its output */
function resultOf(said: string, who: string): unknown {
  const events = said.split('\n').map((line) => event.safeParse(parseJson(line)).data);
  const result = events.findLast((each) => each?.event === 'result');
  if (result !== undefined) return result.data;
  const failed = failure.safeParse(events.findLast((each) => each?.event === 'failed')?.data).data;
  if (failed !== undefined) throw new JobError(isErrorCode(failed.code) ? failed.code : 'daemon_start_failed', failed.message);
  throw new JobError('daemon_start_failed', `${who} did not start. The end of its output: ${lastOutput(said) || 'none'}`);
}
