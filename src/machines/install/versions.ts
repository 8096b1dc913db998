import { JobError } from '../../contract/index.ts';
import type { Kit } from '../kit/index.ts';
import { lastWords } from './hive-process.ts';
import { readReply, runScript, type HiveSite } from './site.ts';

/** $1 the version's folder. Loads all that is compiled: what the machine is too old for is told before anything is stopped. */
const TRY = `
cd "$root/versions/$1"
said=$(./node dist/rbee.js --version 2>&1) || { echo 'broken yes'; printf '%s\\n' "$said"; exit 0; }
for addon in node_modules/@node-llama-cpp/*/bins/*/llama-addon.node; do
  said=$(./node -e 'require("libsql"); require(require("path").resolve(process.argv[1]))' "$addon" 2>&1) ||
    { echo 'broken yes'; printf '%s\\n' "$said"; exit 0; }
done
`;

/** $1 the node to do it, $2 the version's folder, or nothing for none at all. rename(2) puts a link in the place of another. */
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

/** $1 the version's folder that stays, $2 $3 its layers. */
const COLLECT = `
for each in "$root"/versions/*; do [ "\${each##*/}" = "$1" ] || rm -rf "$each"; done
for each in "$root"/layers/*; do case \${each##*/} in "$2" | "$3") ;; *) rm -rf "$each" ;; esac; done
`;

/** $1 the version's folder. Its layers stay for the next try, except where nothing else is. */
const DROP = `
rm -rf "$root/versions/$1"
[ -e "$root/current" ] || rm -rf "$root/layers"
`;

/** Whether this kit runs on this machine at all. @throws JobError machine_unsupported with what the machine says */
export async function requireRuns(site: HiveSite, { folder }: Kit): Promise<void> {
  const said = await runScript(site, TRY, { args: [folder], withinMs: 60_000 });
  if (!readReply(said).has('broken')) return;
  await dropVersion(site, folder);
  const words = said.split('\n').slice(1);
  const telling = words.find((line) => /not found|error|cannot|denied/i.test(line)) ?? lastWords(words.join('\n'));
  throw new JobError('machine_unsupported', `The kit does not run on this machine: ${telling.trim()}`);
}

/** `to` is what runs from now on, or would; undefined for nothing. `by` is a version there whose Node runs. */
export async function switchVersion(site: HiveSite, { by, to }: { by: string; to: string | undefined }): Promise<void> {
  await runScript(site, SWITCH, { args: [by, to ?? ''] });
}

/** Removes all that this kit does not need. */
export async function collect(site: HiveSite, { folder, layers }: Kit): Promise<void> {
  await runScript(site, COLLECT, { args: [folder, layers.runtime.digest, layers.engine.digest], withinMs: 60_000 });
}

export async function dropVersion(site: HiveSite, folder: string): Promise<void> {
  await runScript(site, DROP, { args: [folder] });
}
