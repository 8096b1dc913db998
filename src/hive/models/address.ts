import * as path from 'node:path';
import { fileURLToPath } from 'node:url';
import { JobError } from '../../contract/index.ts';

/** Where a model is to be fetched from. */
export type Address = FileAddress | HttpAddress;

interface Spoken {
  /** Kept in the catalog, and compared to tell the same source from another: a path, or a URL without its credentials. */
  id: string;
  /** For people: also without the query, which may hold a signature. */
  label: string;
}

export interface FileAddress extends Spoken {
  kind: 'file';
  path: string;
}

export interface HttpAddress extends Spoken {
  kind: 'http';
  url: URL;
  /** From the user and password in the URL. */
  authorization: string | undefined;
}

/** @throws JobError invalid_input for what is neither a URL nor an absolute path */
export function parseAddress(text: string): Address {
  if (path.isAbsolute(text)) return fileAddress(text);
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol === 'file:') return fileAddress(pathOf(url));
  if (url?.protocol === 'http:' || url?.protocol === 'https:') return httpAddress(url);
  const what = url === undefined ? `'${text}'` : `An address that begins with '${url.protocol}'`;
  throw new JobError(
    'invalid_input',
    `${what} cannot be fetched: give an http or https URL, or an absolute path on the hive's machine`,
  );
}

function fileAddress(text: string): FileAddress {
  const absolute = path.normalize(text);
  return { kind: 'file', path: absolute, id: absolute, label: absolute };
}

function pathOf(url: URL): string {
  try {
    return fileURLToPath(url);
  } catch (cause) {
    throw new JobError('invalid_input', `${url.href} is not a file on this machine: write file:///path/to/model.gguf`, { cause });
  }
}

function httpAddress(url: URL): HttpAddress {
  const credentials = `${decoded(url.username)}:${decoded(url.password)}`;
  const authorization = credentials === ':' ? undefined : `Basic ${Buffer.from(credentials).toString('base64')}`;
  const bare = new URL(url);
  bare.username = bare.password = bare.hash = '';
  return { kind: 'http', url: bare, authorization, id: bare.href, label: `${bare.origin}${bare.pathname}` };
}

/** The file name at the end of an address, without .gguf, as a name for the model; not yet checked. */
export function nameIn(address: Address): string {
  const file = address.kind === 'file' ? path.basename(address.path) : decoded(path.posix.basename(address.url.pathname));
  return file
    .replace(/\.gguf$/i, '')
    .replace(/[^A-Za-z0-9._-]+/g, '-')
    .replace(/^[^A-Za-z0-9]+/, '')
    .slice(0, 128);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // A bare % is no mistake in a URL: it stands for itself.
  }
}
