import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { HUB_HOSTS, JobError } from '../../../contract/index.ts';

type Environment = Readonly<Record<string, string | undefined>>;

export interface HubToken {
  value: string;
  /** The variable or file, for messages. */
  from: string;
}

/** A mirror may have the Hub below a path. @throws JobError invalid_input */
export function hubEndpoint(env: Environment = process.env): URL {
  const text = env['HF_ENDPOINT'] || 'https://huggingface.co';
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url !== undefined && /^https?:$/.test(url.protocol)) return new URL(url.pathname, url.origin);
  throw new JobError('invalid_input', 'HF_ENDPOINT, in the environment of the hive, is not an http or https URL');
}

/** Hosts whose addresses are models of the Hub. */
export function hubHosts(env: Environment = process.env): string[] {
  const own = URL.canParse(env['HF_ENDPOINT'] ?? '') ? [new URL(env['HF_ENDPOINT'] ?? '').host] : [];
  return [...own, ...HUB_HOSTS];
}

/** As the Hub's own programs find it: the environment first, then the file of `hf auth login`. */
export async function findHubToken(env: Environment = process.env): Promise<HubToken | undefined> {
  for (const name of ['HF_TOKEN', 'HUGGING_FACE_HUB_TOKEN']) {
    const value = env[name]?.trim();
    if (value) return { value, from: name };
  }
  if (/^(1|on|yes|true)$/i.test(env['HF_HUB_DISABLE_IMPLICIT_TOKEN'] ?? '')) return undefined;
  const cache = env['XDG_CACHE_HOME'] || path.join(os.homedir(), '.cache');
  const file = env['HF_TOKEN_PATH'] || path.join(env['HF_HOME'] || path.join(cache, 'huggingface'), 'token');
  const value = (await fs.readFile(file, 'utf8').catch(() => '')).trim();
  return value === '' ? undefined : { value, from: file };
}

/**
 * The header that carries the token. It is one line of printable characters, or the token was copied with something else.
 * @throws JobError hub_unauthorized, also where the token would be sent in the clear to another machine
 */
export function authorizationOf(token: HubToken | undefined, endpoint: URL): string | undefined {
  if (token === undefined) return undefined;
  if (!/^[\x21-\x7e]{1,512}$/.test(token.value)) {
    throw new JobError('hub_unauthorized', `The token from ${token.from} is not one line of printable characters`);
  }
  if (endpoint.protocol === 'http:' && !/^(localhost|127(\.\d+){3}|\[::1\])$/.test(endpoint.hostname)) {
    const sentence = `HF_ENDPOINT (${endpoint.origin}) is not encrypted, and the token from ${token.from} is not sent there: use https, or unset the token`;
    throw new JobError('hub_unauthorized', sentence);
  }
  return `Bearer ${token.value}`;
}
