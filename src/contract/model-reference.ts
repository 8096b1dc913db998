import { JobError } from './errors.ts';

/** What a text means where a model is to be named. */
export type ModelReference =
  | { kind: 'path' | 'address' | 'name' }
  /** A model of the Hugging Face Hub, or of a server with the same API. */
  | { kind: 'hub'; hub: HubReference };

export interface HubReference {
  /** organization/repository */
  repo: string;
  /** A quantization, or the name of a file without .gguf; the default of the repository when omitted. */
  tag?: string;
  /** The path of a .gguf file in the repository, in place of a tag. */
  file?: string;
  /** A branch, tag or commit; the main branch when omitted. */
  revision?: string;
}

export const HUB_HOSTS: readonly string[] = ['huggingface.co', 'hf.co'];
const HUB_PREFIX = /^(?:(?:hf|huggingface):(?:\/\/)?|(?:www\.)?(?:huggingface\.co|hf\.co)\/)/i;
const HUB_GRAMMAR = 'write org/repo, org/repo:QUANT or org/repo/file.gguf, each with an optional @revision';
/** llama.cpp and the Hub accept letters, digits and _, with single . or - between them. */
const SEGMENT = /^[A-Za-z0-9_]+(?:[.-][A-Za-z0-9_]+)*$/;
const SEGMENT_CHARS = 96;
const TAG = /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,126}[A-Za-z0-9_])?$/;
const REVISION = /^[A-Za-z0-9_](?:[A-Za-z0-9._/-]{0,126}[A-Za-z0-9_-])?$/;
const PATH_CHARS = 1_024;

/**
 * A name of a catalog comes before all of this but paths; whether such a file exists decides for `org/repo/file.gguf`, which may be a
 * relative path too. Both are checked by the caller.
 * @param hubHosts whose addresses are pages and files of the Hub
 * @throws JobError invalid_input for a text that can only be meant for the Hub and is malformed
 */
export function parseModelReference(text: string, hubHosts: readonly string[] = HUB_HOSTS): ModelReference {
  if (/^(?:\/|\.\.?(?:\/|$)|~|file:)/i.test(text)) return { kind: 'path' };
  const prefix = HUB_PREFIX.exec(text)?.[0];
  if (prefix !== undefined) return prefix.includes('/') && !prefix.includes(':') ? ofPage(text) : ofPrefixed(text, prefix);
  if (/^https?:\/\//i.test(text)) return ofUrl(text, hubHosts);
  const hub = hubReference(text);
  if (hub !== undefined && !isRelativeFile(text) && !isHost(hub.repo)) return { kind: 'hub', hub };
  return { kind: text.includes('/') || /\.gguf$/i.test(text) ? 'path' : 'name' };
}

/** `org/repo:QUANT@revision`, which parses to the same again. */
export function hubText({ repo, tag, file, revision }: HubReference): string {
  const what = file === undefined ? (tag === undefined ? '' : `:${tag}`) : `/${file}`;
  return `${repo}${what}${revision === undefined ? '' : `@${revision}`}`;
}

/**
 * The name, among those, of the model of the Hub that a text means: in upper or lower case, with hf: before it or not, and without its
 * quantization where there is one model of the repository.
 */
export function meantHubModel(text: string, names: readonly string[]): string | undefined {
  const { repo, tag, file, revision } = hubIn(text) ?? {};
  if (repo === undefined || file !== undefined || revision !== undefined) return undefined;
  const wanted = `${repo}:${tag ?? ''}`.toLowerCase();
  const found = names.filter((name) =>
    tag === undefined ? name.toLowerCase().startsWith(wanted) : name.toLowerCase() === wanted,
  );
  return found.length === 1 ? found[0] : undefined;
}

/** Undefined for any text that names no model of the Hub. */
export function hubIn(text: string): HubReference | undefined {
  try {
    const reference = parseModelReference(text);
    return reference.kind === 'hub' ? reference.hub : undefined;
  } catch {
    return undefined;
  }
}

/** What a text with a slash is that names no model of the Hub and no file. */
export function neitherNameNorPath(text: string): string {
  if (/^[.~]|\.gguf$/i.test(text)) {
    return `'${text}' is a relative path, and the hive runs in another directory: give the absolute path`;
  }
  return `There is no model '${text}', and it is no name of the Hub: ${HUB_GRAMMAR}`;
}

/** Whether a path of a repository stays below the folder that it is written to, on every system. */
export function isSafeHubPath(path: string): boolean {
  if (path.length > PATH_CHARS || /[\\\0-\u001f:]/.test(path)) return false;
  return path.split('/').every((part) => part !== '' && part !== '.' && part !== '..');
}

/** `org/file.gguf` is no repository, in spite of its form. */
function isRelativeFile(text: string): boolean {
  return text.split('/').length === 2 && /\.gguf$/i.test(text);
}

/** `example.org/models/bee.gguf` is an address without its scheme: no organization of the Hub has a dot in its name. */
function isHost(repo: string): boolean {
  return repo.slice(0, repo.indexOf('/')).includes('.');
}

function ofPrefixed(text: string, prefix: string): ModelReference {
  const hub = hubReference(text.slice(prefix.length).replace(/^\/+/, ''));
  if (hub === undefined) throw malformed(text);
  return { kind: 'hub', hub };
}

/** An address of the Hub without its scheme, with a quantization as other programs take it: hf.co/org/repo:Q4_K_M */
function ofPage(text: string): ModelReference {
  const [, rest = ''] = /^[^/]+\/+(.*)$/s.exec(text) ?? [];
  const hub = ofPath(rest) ?? hubReference(rest);
  if (hub === undefined) throw malformed(text);
  return { kind: 'hub', hub };
}

function ofUrl(text: string, hubHosts: readonly string[]): ModelReference {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !hubHosts.includes(url.host.replace(/^www\./, ''))) return { kind: 'address' };
  const path = decoded(url.pathname).replace(/^\/+|\/+$/g, '');
  const hub = ofPath(path) ?? (path.split('/').length === 2 ? hubReference(path) : undefined);
  return hub === undefined ? { kind: 'address' } : { kind: 'hub', hub };
}

/** The pages of files and folders, as people copy them: org/repo/blob/main/file.gguf */
function ofPath(path: string): HubReference | undefined {
  const [, repo = '', kind, rest = ''] = /^([^/]+\/[^/]+)\/(blob|resolve|raw|tree)\/([^?#]+)/.exec(path) ?? [];
  const [revision = '', ...file] = rest.split('/');
  if (!isHubRepo(repo) || !REVISION.test(revision)) return undefined;
  const at = revision === 'main' ? {} : { revision };
  if (kind === 'tree') return { repo, ...at };
  const name = file.join('/');
  return isFile(name) ? { repo, file: name, ...at } : undefined;
}

function hubReference(text: string): HubReference | undefined {
  const at = text.lastIndexOf('@');
  const [what, revision] = at === -1 ? [text] : [text.slice(0, at), text.slice(at + 1)];
  if (revision !== undefined && !REVISION.test(revision)) return undefined;
  const rest = revision === undefined ? {} : { revision };
  const [, repo = '', sign, named = ''] = /^([^/:]+\/[^/:]+)(?:([:/])(.+))?$/.exec(what) ?? [];
  if (!isHubRepo(repo)) return undefined;
  if (sign === undefined) return { repo, ...rest };
  if (sign === '/') return isFile(named) ? { repo, file: named, ...rest } : undefined;
  // As other programs name the default.
  if (named === 'latest') return { repo, ...rest };
  return TAG.test(named) ? { repo, tag: named, ...rest } : undefined;
}

/** Whether a text names a repository of the Hub; such a name stays in one folder. */
export function isHubRepo(text: string): boolean {
  const segments = text.split('/');
  return segments.length === 2 && segments.every((each) => each.length <= SEGMENT_CHARS && SEGMENT.test(each));
}

function isFile(text: string): boolean {
  return /\.gguf$/i.test(text) && isSafeHubPath(text);
}

function malformed(text: string): JobError {
  return new JobError(
    'invalid_input',
    `'${text.replace(/[?#].*/s, '').slice(0, 200)}' names no model of the Hub: ${HUB_GRAMMAR}`,
  );
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
