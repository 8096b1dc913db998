import * as z from 'zod';
import { isHubRepo, isSafeHubPath, JobError, type foundModel } from '../../../contract/index.ts';
import { narrate } from '../../../narration/index.ts';
import type { Patience } from '../limits.ts';
import { retrying } from '../retrying.ts';
import { Interruption } from '../source.ts';
import { readBody } from '../web/read-body.ts';
import type { RequestGate } from '../web/request-gate.ts';
import { headerOf, WebClient, type Headers, type Response } from '../web/web-client.ts';
import type { HubFile } from './candidates.ts';
import { authorizationOf, findHubToken, hubEndpoint, type HubToken } from './endpoint.ts';
import { badToken, isTokenRefused, refusalOf, type Asked } from './refusal.ts';

/** A page of 1,000 files has 300 KB. */
const ANSWER_BYTES_LIMIT = 16 * 1024 * 1024;
/** Repositories of models have tens of files, the largest a few thousand. */
const PAGES_LIMIT = 20;

/** Its name becomes that of a folder. */
const info = z.object({ id: z.string().refine(isHubRepo), sha: z.string().regex(/^[0-9a-f]{40}$/) });
const GIT_OID = /^[0-9a-f]{40}$/;
const digest = z.string().regex(/^[0-9a-f]{64}$/);
const entry = z.object({
  type: z.string(),
  path: z.string(),
  size: z.int().min(0).optional(),
  oid: z.string().default(''),
  lfs: z.object({ oid: digest, size: z.int().min(0) }).optional(),
});

const foundEntry = z.object({
  id: z.string().refine(isHubRepo),
  downloads: z.number().min(0).optional(),
  likes: z.number().min(0).optional(),
  lastModified: z.iso.datetime().optional(),
  gated: z.union([z.boolean(), z.string()]).default(false),
  gguf: z
    .object({ architecture: z.string().max(200).optional(), total: z.number().min(0).optional() })
    .optional()
    .catch(undefined),
});
export type FoundModel = z.output<typeof foundModel>;

const SORTS = { downloads: 'downloads', trending: 'trendingScore', updated: 'lastModified' } as const;

export interface Search {
  query: string;
  limit: number;
  sort: keyof typeof SORTS;
}

export interface HubOptions {
  endpoint: URL;
  token: HubToken | undefined;
  patience: Patience;
  gate: RequestGate;
}

/** With the endpoint and the token of this machine. */
export async function connectHub({ patience, gate }: Pick<HubOptions, 'patience' | 'gate'>): Promise<HubClient> {
  return new HubClient({ endpoint: hubEndpoint(), token: await findHubToken(), patience, gate });
}

/** A version of a repository: whatever happens to its branches, all files of a download belong to it. */
export interface HubRevision {
  /** As the repository is called now: a renamed one answers by its former name too. */
  repo: string;
  /** 40 hexadecimal digits. */
  commit: string;
}

/** The Hub's HTTP. The token is sent to the endpoint alone, never to where it redirects. */
export class HubClient {
  readonly #options: HubOptions;
  #token: HubToken | undefined;
  #web: WebClient;

  /** @throws JobError hub_unauthorized for a token that cannot be sent */
  constructor(options: HubOptions) {
    this.#options = options;
    this.#token = options.token;
    this.#web = this.#connect();
  }

  get endpoint(): URL {
    return this.#options.endpoint;
  }

  /** Of a path that begins with a slash. */
  addressOf(path: string): URL {
    return new URL(`${this.endpoint.pathname.replace(/\/+$/, '')}${path}`, this.endpoint);
  }

  get web(): WebClient {
    return this.#web;
  }

  /** @throws JobError model_not_found, model_gated, hub_unauthorized, hub_limited, download_failed */
  async revision(repo: string, revision: string | undefined, signal: AbortSignal): Promise<HubRevision> {
    const asked = { repo, revision };
    const path = `/api/models/${repo}/revision/${encodeURIComponent(revision ?? 'main')}`;
    const { id, sha } = await this.#json(this.addressOf(path), { ...asked, signal }).then(this.#checked(info));
    return { repo: id, commit: sha };
  }

  /** All files of a version that can be written below a folder. @throws as `revision` */
  async files({ repo, commit }: HubRevision, signal: AbortSignal): Promise<HubFile[]> {
    const files = new Map<string, HubFile>();
    let url: URL | undefined = this.addressOf(`/api/models/${repo}/tree/${commit}?recursive=true`);
    for (let pages = 0; url !== undefined && pages < PAGES_LIMIT; pages += 1) {
      const page: Page = await this.#page(url, { repo, revision: commit }, signal);
      for (const file of page.files) files.set(file.path, file);
      url = page.next;
    }
    return [...files.values()];
  }

  /** Repositories with GGUF files whose names have these words. @throws as `revision` */
  async search({ query, limit, sort }: Search, signal: AbortSignal): Promise<FoundModel[]> {
    const url = this.addressOf('/api/models');
    url.search = String(
      new URLSearchParams({ search: query, filter: 'gguf', sort: SORTS[sort], direction: '-1', limit: String(limit) }),
    );
    for (const field of ['downloads', 'likes', 'lastModified', 'gated', 'gguf']) url.searchParams.append('expand', field);
    const found = await this.#json(url, { repo: query, revision: undefined, signal }).then(this.#checked(z.array(z.unknown())));
    // One odd entry hides no other.
    return found
      .flatMap((each) => foundEntry.safeParse(each).data ?? [])
      .slice(0, limit)
      .map(({ id, downloads, likes, lastModified, gated, gguf }) => ({
        model: id,
        ...withoutGaps({ downloads, likes, updated_at: lastModified, architecture: gguf?.architecture, parameters: gguf?.total }),
        gated: gated !== false,
      }));
  }

  /** One answer of an address of the endpoint, or of where it redirects. @throws as `revision`; Interruption where the same may work later */
  async follow(from: URL, asked: Omit<Asked, 'endpoint' | 'token'>, { headers, signal }: Sent): Promise<Answer> {
    const answer = await this.#web.follow(from, headers, signal);
    const { response, url } = answer;
    if (response.statusCode < 400) return { ...answer, isOfHub: url.origin === this.endpoint.origin };
    const isOfHub = url.origin === this.endpoint.origin;
    if (isOfHub && this.#token !== undefined && isTokenRefused(response)) {
      response.body.destroy();
      return this.#withoutToken(this.#token, () => this.follow(from, asked, { headers, signal }));
    }
    if (isOfHub) {
      response.body.destroy();
      throw refusalOf(response, { ...asked, endpoint: this.endpoint, token: this.#token });
    }
    return { ...answer, isOfHub };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#web.close();
  }

  /** A token that has expired must not hide what is public. */
  async #withoutToken<T>(token: HubToken, again: () => Promise<T>): Promise<T> {
    narrate('token', `${this.endpoint.host} does not accept the token from ${token.from}; continuing without it`);
    await this.#web.close();
    this.#token = undefined;
    this.#web = this.#connect();
    try {
      return await again();
    } catch (cause) {
      if (cause instanceof JobError && ['model_not_found', 'model_gated'].includes(cause.code))
        throw badToken(token, this.endpoint);
      throw cause;
    }
  }

  #connect(): WebClient {
    const { endpoint, patience, gate } = this.#options;
    const authorization = authorizationOf(this.#token, endpoint);
    return new WebClient({ label: endpoint.host, own: endpoint, authorization, limitCode: 'hub_limited' }, { patience, gate });
  }

  async #page(url: URL, asked: { repo: string; revision: string }, signal: AbortSignal): Promise<Page> {
    let next: string | undefined;
    const look = (response: Response) => (next = /<([^<>]+)>;\s*rel="next"/.exec(headerOf(response, 'link') ?? '')?.[1]);
    const body = await this.#json(url, { ...asked, signal, look });
    const entries = this.#checked(z.array(entry).max(10_000))(body);
    const files = entries.flatMap(({ type, path, size, oid, lfs }) => {
      // A digest becomes the name of a file here, and what has none cannot be checked.
      if (type !== 'file' || !isSafeHubPath(path) || (lfs === undefined && !GIT_OID.test(oid))) return [];
      return [{ path, sizeBytes: lfs?.size ?? size ?? 0, sha256: lfs?.oid, oid }];
    });
    const following = next !== undefined && URL.canParse(next, url.href) ? new URL(next, url) : undefined;
    return { files, next: following?.origin === url.origin ? following : undefined };
  }

  async #json(url: URL, { signal, look, ...asked }: JsonRequest): Promise<unknown> {
    const read = async (): Promise<unknown> => {
      const sent = { headers: { accept: 'application/json' }, signal };
      const { response } = await this.follow(url, asked, sent);
      look?.(response);
      return parsed(await this.#text(response), this.endpoint);
    };
    return retrying(read, this.#options.patience, signal);
  }

  #checked<T>(schema: z.ZodType<T>): (body: unknown) => T {
    return (body) => {
      const { data, error } = schema.safeParse(body);
      if (error === undefined) return data;
      const { host } = this.endpoint;
      throw new JobError('download_failed', `${host} answered as no Hugging Face Hub does: see HF_ENDPOINT`, { cause: error });
    };
  }

  async #text(response: Response): Promise<string> {
    const pieces: Uint8Array[] = [];
    let bytes = 0;
    const reading = { client: this.#web, label: this.endpoint.host, patience: this.#options.patience };
    for await (const piece of readBody(response, reading)) {
      bytes += piece.length;
      if (bytes > ANSWER_BYTES_LIMIT)
        throw new JobError('download_failed', `${this.endpoint.host} answers with more than ${ANSWER_BYTES_LIMIT} bytes`);
      pieces.push(piece);
    }
    return Buffer.concat(pieces).toString();
  }
}

function withoutGaps<T extends object>(fields: T): { [K in keyof T]?: NonNullable<T[K]> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: NonNullable<T[K]>;
  };
}

interface JsonRequest {
  repo: string;
  revision: string | undefined;
  signal: AbortSignal;
  /** Sees the headers of the answer. */
  look?: (response: Response) => void;
}

interface Sent {
  headers: Headers;
  signal: AbortSignal;
}

interface Answer {
  response: Response;
  url: URL;
  /** False for the server of files to which the Hub redirects. */
  isOfHub: boolean;
}

interface Page {
  files: HubFile[];
  next: URL | undefined;
}

function parsed(text: string, endpoint: URL): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    const page = /^\s*</.test(text) ? 'a web page: a proxy or a login page may be in between' : 'something other than JSON';
    throw new Interruption(`${endpoint.host} answered with ${page}`, { cause });
  }
}
