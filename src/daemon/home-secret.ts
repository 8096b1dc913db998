import { dirname } from 'node:path';
import { makeHomeSecret, type Trust } from '../proof/index.ts';
import { fileError } from './file-error.ts';
import { ensureDirectory, homePaths } from './paths.ts';

/** Called by a daemon at its start, before it answers. @returns the file */
export async function prepareHomeSecret(file: string): Promise<string> {
  await ensureDirectory(dirname(file));
  try {
    await makeHomeSecret(file, { unlessPresent: false });
    return file;
  } catch (error) {
    throw fileError(error, `write the secret of this home, ${file}`);
  }
}

/** Trust for a daemon of this home on this machine. */
export function homeTrust({ secret }: { secret: string } = homePaths()): Trust {
  return { by: 'home', file: secret };
}

/** Trust for a daemon elsewhere; undefined without a shared token. */
export function tokenTrust(token: string | undefined): Trust | undefined {
  return token === undefined ? undefined : { by: 'token', token };
}
