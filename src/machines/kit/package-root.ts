import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { JobError } from '../../contract/index.ts';

/** The used fields of a package.json, which npm has validated at the installation. */
export interface PackageJson {
  name: string;
  version: string;
  dependencies?: Readonly<Record<string, string>>;
  optionalDependencies?: Readonly<Record<string, string>>;
  peerDependencies?: Readonly<Record<string, string>>;
  peerDependenciesMeta?: Readonly<Record<string, { optional?: boolean }>>;
  os?: readonly string[];
  cpu?: readonly string[];
}

/**
 * The folder of the running rbee: a clone, or an installed npm package.
 * @throws JobError kit_failed
 */
export function findPackageRoot(entry: string | undefined = process.argv[1]): string {
  const start = entry === undefined || !existsSync(entry) ? '/' : dirname(realpathSync(entry));
  for (let folder = start; dirname(folder) !== folder; folder = dirname(folder)) {
    if (existsSync(join(folder, 'package.json')) && readPackage(folder).name === 'rbee') return folder;
  }
  throw new JobError(
    'kit_failed',
    `${entry ?? 'This program'} is not inside an rbee package, so there is nothing to send: install rbee again`,
  );
}

/** @throws JobError kit_failed */
export function readPackage(folder: string): PackageJson {
  try {
    return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as PackageJson;
  } catch (cause) {
    throw new JobError('kit_failed', `The package in ${folder} cannot be read: ${String(cause)}. Install rbee again`, { cause });
  }
}
