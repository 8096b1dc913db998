import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** A file of the kit. */
export interface KitFile {
  /** Inside the layer. */
  path: string;
  source: string;
  isExecutable: boolean;
  sizeBytes: number;
  mtimeMs: number;
}

/** Read by people, and by tools for people. */
const OF_NO_USE = /(?:\.d\.[mc]?ts|\.map|\.md|\.tsbuildinfo)$/i;

/** Everything in a folder that is of use at run time, without the packages below it, which have places of their own. */
export async function filesIn(folder: string, place: string): Promise<KitFile[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  const lists = await Promise.all(
    entries.map(async (entry): Promise<KitFile[]> => {
      const [source, path] = [join(folder, entry.name), place === '' ? entry.name : `${place}/${entry.name}`];
      if (entry.isDirectory()) return entry.name === 'node_modules' ? [] : filesIn(source, path);
      // What a link in a package points to is only there on the machine that made it.
      return !entry.isFile() || OF_NO_USE.test(path) ? [] : [await fileAt(source, path)];
    }),
  );
  return lists.flat();
}

export async function fileAt(source: string, path: string): Promise<KitFile> {
  const { mode, size, mtimeMs } = await stat(source);
  return { path, source, isExecutable: (mode & 0o100) !== 0, sizeBytes: size, mtimeMs };
}
