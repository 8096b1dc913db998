import { JobError } from '../../contract/index.ts';
import { ADDONS_PATTERN } from '../../worker/engine-packages.ts';
import type { Kit } from '../kit/index.ts';
import { lastOutput } from '../ssh/index.ts';
import { readReply, runScript, type HiveSite } from './site.ts';

/** $1 the version's folder. Loads every native module, so that an incompatible machine is reported before anything is stopped. */
const TRY = `
cd "$root/versions/$1"
said=$(./node dist/rbee.js --version 2>&1) || { echo 'broken yes'; printf '%s\\n' "$said"; exit 0; }
for addon in ${ADDONS_PATTERN}; do
  said=$(./node -e 'require("libsql"); require(require("path").resolve(process.argv[1]))' "$addon" 2>&1) ||
    { echo 'broken yes'; printf '%s\\n' "$said"; exit 0; }
done
`;

/** $1 the version whose Node does it, $2 the new version's folder, or empty for none. rename(2) replaces the link atomically. */
const SWITCH = `
if [ -z "$2" ]; then rm -f "$root/current"; exit 0; fi
cd "$root"
"versions/$1/node" -e '
  const fs = require("fs");
  fs.rmSync("current.new", { force: true });
  fs.symlinkSync("versions/" + process.argv[1], "current.new");
  fs.renameSync("current.new", "current");
' "$2"
`;

/** $1 the version's folder to keep, $2 $3 its layers. */
const COLLECT = `
for each in "$root"/versions/*; do [ "\${each##*/}" = "$1" ] || rm -rf "$each"; done
for each in "$root"/layers/*; do case \${each##*/} in "$2" | "$3") ;; *) rm -rf "$each" ;; esac; done
`;

/** $1 the version's folder. Its layers stay for the next try, unless no version is installed. */
const DROP = `
rm -rf "$root/versions/$1"
[ -e "$root/current" ] || rm -rf "$root/layers"
`;

/** Checks that this kit runs on the machine. @throws JobError machine_unsupported with the error of the machine */
export async function requireRuns(site: HiveSite, { folder }: Kit): Promise<void> {
  const said = await runScript(site, TRY, { args: [folder], withinMs: 60_000 });
  if (!readReply(said).has('broken')) return;
  await dropVersion(site, folder);
  const words = said.split('\n').slice(1);
  const telling = words.find((line) => /not found|error|cannot|denied/i.test(line)) ?? lastOutput(words.join('\n'));
  throw new JobError('machine_unsupported', `The kit does not run on this machine: ${telling.trim()}`);
}

/** Makes `to` the current version; undefined for none. `by` is an installed version whose Node runs. */
export async function switchVersion(site: HiveSite, { by, to }: { by: string; to: string | undefined }): Promise<void> {
  await runScript(site, SWITCH, { args: [by, to ?? ''] });
}

/** Removes versions and layers that this kit does not need. */
export async function collect(site: HiveSite, { folder, layers }: Kit): Promise<void> {
  await runScript(site, COLLECT, { args: [folder, layers.runtime.digest, layers.engine.digest], withinMs: 60_000 });
}

export async function dropVersion(site: HiveSite, folder: string): Promise<void> {
  await runScript(site, DROP, { args: [folder] });
}
