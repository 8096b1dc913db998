import { cp, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ours = fileURLToPath(new URL('../..', import.meta.url));

/** This rbee, as it is built, in a folder of its own and of another version. @returns the folder */
export async function otherPackage(folder: string, version: string): Promise<string> {
  for (const name of ['dist', 'models', 'package.json']) await cp(join(ours, name), join(folder, name), { recursive: true });
  await symlink(join(ours, 'node_modules'), join(folder, 'node_modules'));
  const { version: before, ...rest } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as { version: string };
  await writeFile(join(folder, 'package.json'), JSON.stringify({ ...rest, version }));
  const files = (await readdir(join(folder, 'dist'), { recursive: true })).filter((name) => name.endsWith('.js'));
  for (const file of files) {
    const text = await readFile(join(folder, 'dist', file), 'utf8');
    await writeFile(join(folder, 'dist', file), text.replaceAll(`"${before}"`, `"${version}"`));
  }
  return folder;
}
