import { createHash } from 'node:crypto';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';
import { JobError, meantUrl } from '../../contract/index.ts';

/** The source of a model. */
export type Address = FileAddress | HttpAddress;

interface Spoken {
  /**
   * Kept in the catalog, and compared to tell the same source from another: a path, or a URL without its credentials and with
   * a digest in place of its query, which may hold a token or a signature.
   */
  id: string;
  /** For people: also without the digest. */
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

/** A longer address is shortened in messages. */
const SHOWN_CHARS = 300;

/** @throws JobError invalid_input for what is neither a URL nor an absolute path */
export function parseAddress(text: string): Address {
  if (path.isAbsolute(text)) return fileAddress(text);
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol === 'file:') return fileAddress(pathOf(url));
  if (url?.protocol === 'http:' || url?.protocol === 'https:') return httpAddress(url);
  const what = url === undefined ? `'${withoutSecrets(text)}'` : `An address that begins with '${url.protocol}'`;
  const meant = meantUrl(withoutSecrets(text));
  throw new JobError(
    'invalid_input',
    `${what} cannot be fetched: give org/repo or org/repo:QUANT of the Hugging Face Hub, an http or https URL, or an absolute path on the hive's machine${meant === undefined ? searchHint(text) : `. Did you mean ${meant}?`}`,
  );
}

/** For a name alone, also with the tag that other programs write: qwen3:8b */
function searchHint(text: string): string {
  const name = /^([A-Za-z0-9][A-Za-z0-9._-]{0,63})(?::[A-Za-z0-9._-]+)?$/.exec(text)?.[1];
  return name === undefined ? '' : `. To find one: rbee model search ${name}`;
}

function fileAddress(text: string): FileAddress {
  const absolute = path.normalize(text);
  return { kind: 'file', path: absolute, id: absolute, label: absolute };
}

function pathOf(url: URL): string {
  try {
    return fileURLToPath(url);
  } catch (cause) {
    const sentence = `${withoutSecrets(url.href)} is not a file on the hive's machine: write file:///path/to/model.gguf`;
    throw new JobError('invalid_input', sentence, { cause });
  }
}

function httpAddress(url: URL): HttpAddress {
  const credentials = `${decoded(url.username)}:${decoded(url.password)}`;
  const authorization = credentials === ':' ? undefined : `Basic ${Buffer.from(credentials).toString('base64')}`;
  const bare = new URL(url);
  bare.username = bare.password = bare.hash = '';
  const label = `${bare.origin}${bare.pathname}`;
  const id = bare.search === '' ? label : `${label}?sha256=${digest(bare.search)}`;
  return { kind: 'http', url: bare, authorization, id, label };
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}

/** For a text that may have been meant as an address: whatever may be a password, a token or a signature is left out. */
export function withoutSecrets(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const shown = url?.protocol === 'http:' || url?.protocol === 'https:' ? `${url.origin}${url.pathname}` : text;
  // Where a ? or # comes before an @, a password looks like a query: neither is shown.
  return (
    shown
      .replace(/^([a-z][a-z0-9+.-]*:\/*|.*?\/\/).*[?#].*@.*/is, '$1…')
      .replace(/^([a-z][a-z0-9+.-]*:\/*|.*?\/\/).*@/is, '$1')
      // As a path, which is what a command line makes of an address without its scheme.
      .replace(/[^/]*:[^/]*@/g, '')
      .replace(/[?#].*/s, '')
      .slice(0, SHOWN_CHARS)
  );
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
