import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { open, rename, rm, writeFile } from 'node:fs/promises';

const SECRET_BYTES = 32;
const SECRET = /^[A-Za-z0-9_-]{43}\n$/;
const SECRET_CHARS = 44;

/**
 * The secret of a home, which every process of its user can read. It is read at each use and never kept: after a
 * missing or damaged file has been replaced, all processes of the home agree again, and none has to be restarted.
 * @returns undefined where there is none, or where it is not a secret: another user's file, a link, a damaged one
 */
export async function readHomeSecret(file: string): Promise<string | undefined> {
  const found = await look(file);
  return found?.secret;
}

/**
 * @param how without `unlessPresent`, as at the start of a daemon, a secret that others may read is replaced too: it may be known
 * @throws the system's error where the file cannot be written
 */
export async function makeHomeSecret(file: string, how: { unlessPresent: boolean }): Promise<string> {
  const present = await usable(file, how);
  if (present !== undefined) return present;
  const turn = () => replace(file, how);
  making = making.then(turn, turn);
  return making;
}

/** One call at a time: calls that arrive meanwhile find the secret of the first. */
let making: Promise<string> = Promise.resolve('');

async function usable(file: string, { unlessPresent }: { unlessPresent: boolean }): Promise<string | undefined> {
  const found = await look(file);
  return unlessPresent || found?.isPrivate === true ? found?.secret : undefined;
}

async function replace(file: string, how: { unlessPresent: boolean }): Promise<string> {
  const present = await usable(file, how);
  if (present !== undefined) return present;
  const secret = randomBytes(SECRET_BYTES).toString('base64url');
  const unfinished = `${file}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    await writeFile(unfinished, `${secret}\n`, { mode: 0o600, flag: 'wx' });
    await rename(unfinished, file);
  } finally {
    await rm(unfinished, { force: true });
  }
  // Of two processes that created one at once, the last one counts for both.
  return (await readHomeSecret(file)) ?? secret;
}

async function look(file: string): Promise<{ secret: string | undefined; isPrivate: boolean } | undefined> {
  // Where others may write into the folder, a link or a pipe could be put in its place.
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  const handle = await open(file, flags).catch(() => undefined);
  if (handle === undefined) return undefined;
  try {
    const { uid, mode, size } = await handle.stat();
    const user = process.getuid?.() ?? uid;
    const text = size === SECRET_CHARS && (user === uid || user === 0) ? await handle.readFile('utf8') : '';
    return { secret: SECRET.test(text) ? text.trimEnd() : undefined, isPrivate: (mode & 0o077) === 0 };
  } catch {
    return undefined; // A folder, or a disk that cannot be read: there is no secret.
  } finally {
    await handle.close();
  }
}
