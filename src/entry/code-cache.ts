import { createHash, randomBytes } from 'node:crypto';
import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';

// An entry is a file: the digest of the rest, a line of JSON (its key, and the commands that it is for), and V8's data. V8 compares
// only the length of the source and trusts the rest, so everything is compared here.

const DIGEST_BYTES = 32;
/** Of one program: other versions of rbee and of Node may use the same home. */
const KEPT_ENTRIES = 4;
const OTHERS_MAY_WRITE = 0o022;

/** What V8 has compiled of a program. */
export interface CachedCode {
  data: Buffer;
  /** Commands whose functions are in it. */
  commands: readonly string[];
}

/** Where the compiled code of a program is kept: another source, another Node or other settings of Node have another place. */
export interface CodePlace {
  file: string;
  key: string;
}

export function placeOf(program: string, source: Buffer, cache: string): CodePlace {
  const flags = [...process.execArgv, process.env['NODE_OPTIONS'] ?? ''];
  const key = [digestOf(source).toString('hex'), process.version, process.versions.v8, process.arch, ...flags].join(' ');
  const name = `${program}-${digestOf(Buffer.from(key)).toString('hex', 0, 8)}`;
  return { file: join(cache, 'code', name), key };
}

/** @returns undefined where there is none, and where the file is damaged, a link, or one that another user may write */
export function readCode({ file, key }: CodePlace): CachedCode | undefined {
  try {
    const bytes = readPrivate(file);
    const rest = bytes.subarray(DIGEST_BYTES);
    if (!digestOf(rest).equals(bytes.subarray(0, DIGEST_BYTES))) return undefined;
    const end = rest.indexOf('\n');
    const head = JSON.parse(rest.toString('utf8', 0, end)) as { key: string; commands: string[] };
    return head.key === key ? { data: rest.subarray(end + 1), commands: head.commands } : undefined;
  } catch {
    return undefined; // Without it, the program is compiled.
  }
}

/** Does nothing where it cannot be written: a full disk, or a folder of another user. */
export function writeCode({ file, key }: CodePlace, { data, commands }: CachedCode): void {
  const unfinished = `${file}.${randomBytes(4).toString('hex')}.tmp`;
  try {
    createPrivate(dirname(file));
    const rest = Buffer.concat([Buffer.from(`${JSON.stringify({ key, commands })}\n`), data]);
    try {
      writeFileSync(unfinished, Buffer.concat([digestOf(rest), rest]), { mode: 0o600, flag: 'wx' });
      renameSync(unfinished, file);
    } finally {
      rmSync(unfinished, { force: true });
    }
    deleteOldest(dirname(file), basename(file).replace(/-[^-]*$/, '-'));
  } catch {
    // The next start tries again.
  }
}

/** The file itself is checked, not its path, which may be exchanged between a check and a read. */
function readPrivate(file: string): Buffer {
  if (isOpenToOthers(lstatSync(dirname(file)))) return Buffer.alloc(0);
  const descriptor = openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const stats = fstatSync(descriptor);
    return stats.isFile() && !isOpenToOthers(stats) ? readFileSync(descriptor) : Buffer.alloc(0);
  } finally {
    closeSync(descriptor);
  }
}

function isOpenToOthers({ uid, mode }: { uid: number; mode: number }): boolean {
  return uid !== process.geteuid?.() || (mode & OTHERS_MAY_WRITE) !== 0;
}

/** Only inside a folder of this user: `sudo rbee` must not create a folder of root in another user's home. */
function createPrivate(folder: string): void {
  const stats = lstatSync(folder, { throwIfNoEntry: false });
  if (stats === undefined) {
    createParents(dirname(folder));
    mkdirSync(folder, { mode: 0o700 });
  } else if (!stats.isDirectory() || isOpenToOthers(stats)) throw new TypeError(`${folder} is not a private folder`);
}

function createParents(folder: string): void {
  const stats = statSync(folder, { throwIfNoEntry: false });
  if (stats === undefined) {
    createParents(dirname(folder));
    mkdirSync(folder, { mode: 0o700 });
  } else if (stats.uid !== process.geteuid?.()) throw new TypeError(`${folder} is a folder of another user`);
}

/** Including leftovers of killed processes. */
function deleteOldest(folder: string, prefix: string): void {
  const files = readdirSync(folder)
    .filter((name) => name.startsWith(prefix))
    .map((name) => join(folder, name));
  const aged = files.map((file) => ({ file, mtimeMs: statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0 }));
  const old = aged.toSorted((one, other) => other.mtimeMs - one.mtimeMs).slice(KEPT_ENTRIES);
  for (const { file } of old) rmSync(file, { force: true });
}

function digestOf(bytes: Buffer): Buffer {
  return createHash('sha256').update(bytes).digest();
}
