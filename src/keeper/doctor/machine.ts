import { access, constants, mkdtemp, rmdir, stat } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import { diskFreeBytes, freeMemoryBytes, homePaths, totalMemoryBytes } from '../../daemon/index.ts';
import { bytes } from '../show/units.ts';
import { optional, surviving, unwell, well, type Check } from './check.ts';

/** Enough for the four roles and the model that ships with rbee. */
const LEAST_MEMORY_BYTES = 500_000_000;
/** Logs of jobs, and a small model. */
const LEAST_DISK_BYTES = 1_000_000_000;

/** Node, memory, disk, the folders of this home, the SSH client. */
export async function checkMachine(): Promise<Check[]> {
  return Promise.all([
    surviving('node', checkNode),
    surviving('memory', checkMemory),
    surviving('disk', checkDisk),
    surviving('home', checkHome),
    surviving('ssh', checkSsh),
  ]);
}

function checkNode(): Check {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const says = `${process.version}, ${process.platform} ${process.arch}`;
  const isNewEnough = major > 20 || (major === 20 && minor >= 19);
  return isNewEnough ? well('node', says) : unwell('node', says, 'install Node.js 20.19 or newer: https://nodejs.org');
}

async function checkMemory(): Promise<Check> {
  const free = await freeMemoryBytes();
  const says = `${bytes(free)} free of ${bytes(totalMemoryBytes())}`;
  return free >= LEAST_MEMORY_BYTES
    ? well('memory', says)
    : unwell('memory', says, 'close a program that uses much of it, or stop a worker: rbee worker list');
}

async function checkDisk(): Promise<Check> {
  const { data, run } = homePaths();
  // They may be on two disks: models and jobs here, pidfiles and logs there.
  const disks = await Promise.all([data, run].map(async (folder) => ({ folder, free: await diskFreeBytes(folder) })));
  const { folder, free } = disks.reduce((fullest, disk) => (disk.free < fullest.free ? disk : fullest));
  const says = `${bytes(free)} free at ${folder}`;
  return free >= LEAST_DISK_BYTES
    ? well('disk', says)
    : unwell('disk', says, 'free some space, delete a model (rbee model list), or move everything: RBEE_HOME');
}

async function checkHome(): Promise<Check> {
  const home = process.env['RBEE_HOME'];
  if (home && (await isFile(home))) return unwell('home', `RBEE_HOME is ${home}, a file`, 'set RBEE_HOME to a folder');
  const { config, data, logs, run } = homePaths();
  const forbidden: string[] = [];
  for (const folder of [config, data, logs, run]) {
    if (!(await isWritable(folder))) forbidden.push(folder);
  }
  return forbidden.length === 0
    ? well('home', data)
    : unwell(
        'home',
        `cannot write to ${forbidden.join(', ')}`,
        'make them writable for your user, or set RBEE_HOME to a writable folder',
      );
}

async function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => !found.isDirectory(),
    () => false,
  );
}

async function isWritable(folder: string, isToBeMade = false): Promise<boolean> {
  try {
    await access(folder, constants.W_OK | constants.X_OK);
    return !isToBeMade || (await canMakeFolder(folder));
  } catch (error) {
    // A missing folder will be made in the folder above it.
    const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT' && dirname(folder) !== folder;
    return isMissing && isWritable(dirname(folder), true);
  }
}

/** Tries it, because permissions are not enough: in /proc, root has them and still cannot make a folder. */
async function canMakeFolder(folder: string): Promise<boolean> {
  try {
    await rmdir(await mkdtemp(join(folder, '.rbee-doctor-')));
    return true;
  } catch {
    return false; // Whatever the reason, rbee cannot use the folder.
  }
}

async function checkSsh(): Promise<Check> {
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
  for (const folder of folders) {
    const file = join(folder, 'ssh');
    if (await canRun(file)) return well('ssh', file);
  }
  return optional(
    unwell(
      'ssh',
      'no ssh client found; only hives on other machines need it',
      'install one, such as: apt install openssh-client',
    ),
  );
}

async function canRun(file: string): Promise<boolean> {
  return access(file, constants.X_OK).then(
    () => true,
    () => false,
  );
}
