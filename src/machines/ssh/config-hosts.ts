import { readdir, readFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { JobError } from '../../contract/index.ts';

/** OpenSSH's own limit. */
const INCLUDE_DEPTH = 16;

/** The names of single hosts in ~/.ssh/config and the files that it includes, in their order. */
export async function configHosts(home = homeOfSsh()): Promise<string[]> {
  if (home === undefined) return [];
  const folder = join(home, '.ssh');
  const found = await hostsOf(join(folder, 'config'), { home, folder, depth: 0 });
  return [...new Set(found)];
}

interface Place {
  home: string;
  /** Relative paths of Include start here. */
  folder: string;
  depth: number;
}

async function hostsOf(file: string, place: Place): Promise<string[]> {
  if (place.depth > INCLUDE_DEPTH) return [];
  const found: string[] = [];
  for (const line of (await textOf(file)).split('\n')) {
    const [keyword = '', ...words] = wordsOf(line);
    if (keyword.toLowerCase() === 'host') found.push(...words.filter(isName));
    if (keyword.toLowerCase() !== 'include') continue;
    for (const pattern of words) {
      for (const included of await filesOf(pattern, place))
        found.push(...(await hostsOf(included, { ...place, depth: place.depth + 1 })));
    }
  }
  return found;
}

/** Splits a line as OpenSSH does: `Host a "b c" # why` and `Host=a`. */
export function wordsOf(line: string): string[] {
  const [, keyword, rest = ''] = /^\s*([A-Za-z]+)(?:\s*=\s*|\s+)(.*)$/.exec(line) ?? [];
  if (keyword === undefined) return [];
  const words = [...rest.matchAll(/"([^"]*)"|(#.*)|(\S+)/g)].filter(([, , comment]) => comment === undefined);
  return [keyword, ...words.map(([, quoted, , bare]) => quoted ?? bare ?? '')];
}

/** Neither a pattern nor a negated one. */
function isName(word: string): boolean {
  return word !== '' && !/[*?!]/.test(word);
}

/** The files that match a pattern of Include, folder by folder, in alphabetical order. */
async function filesOf(pattern: string, { home, folder }: Place): Promise<string[]> {
  const path = pattern.replace(/^~(?=\/)/, home);
  const steps = (isAbsolute(path) ? path : join(folder, path)).split('/').filter((step) => step !== '');
  let paths = ['/'];
  for (const step of steps) {
    const next = paths.map(async (path) => (isGlob(step) ? matching(path, step) : [join(path, step)]));
    paths = (await Promise.all(next)).flat();
  }
  return paths;
}

const isGlob = (step: string): boolean => /[*?]/.test(step);

async function matching(folder: string, step: string): Promise<string[]> {
  const names = await readdir(folder).catch(() => []); // As in glob(3), an unreadable folder has no matches.
  const pattern = globPattern(step);
  return names
    .filter((name) => pattern.test(name) && (step.startsWith('.') || !name.startsWith('.')))
    .sort()
    .map((name) => join(folder, name));
}

function globPattern(step: string): RegExp {
  const source = step
    .replace(/[\\^$.|+(){}[\]]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${source}$`, 's');
}

async function textOf(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    const isAbsent = ['ENOENT', 'ENOTDIR', 'EISDIR'].includes((error as NodeJS.ErrnoException).code ?? '');
    if (isAbsent) return '';
    throw new JobError('ssh_failed', `Cannot read ${file}: ${String((error as Error).message)}`, { cause: error });
  }
}

/** OpenSSH uses the home of the user database, not $HOME; a user without an entry cannot use ssh. */
function homeOfSsh(): string | undefined {
  try {
    return userInfo().homedir;
  } catch {
    return undefined;
  }
}
