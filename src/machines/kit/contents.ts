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

/** Not read at run time. */
const NOT_NEEDED = /(?:\.d\.[mc]?ts|\.map|\.md|\.tsbuildinfo)$/i;

/** The files of a folder that are needed at run time, without the packages below it, which have their own places. */
export async function filesIn(folder: string, place: string): Promise<KitFile[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  const lists = await Promise.all(
    entries.map(async (entry): Promise<KitFile[]> => {
      const [source, path] = [join(folder, entry.name), place === '' ? entry.name : `${place}/${entry.name}`];
      if (entry.isDirectory()) return entry.name === 'node_modules' ? [] : filesIn(source, path);
      // Links are left out: their target exists only on the machine where they were created.
      return !entry.isFile() || NOT_NEEDED.test(path) ? [] : [await fileAt(source, path)];
    }),
  );
  return lists.flat();
}

export async function fileAt(source: string, path: string): Promise<KitFile> {
  const { mode, size, mtimeMs } = await stat(source);
  return { path, source, isExecutable: (mode & 0o100) !== 0, sizeBytes: size, mtimeMs };
}
