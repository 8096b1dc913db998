import { createHash } from 'node:crypto';
import { once } from 'node:events';
import * as http from 'node:http';
import type { AddressInfo } from 'node:net';
import { good, type Answer, type Served } from './breaking-server.ts';

/** What one repository has. */
interface Repo {
  name: string;
  commit: string;
  files: Readonly<Record<string, Buffer>>;
  gated?: boolean;
  isPrivate?: boolean;
  /** What it is called now. */
  renamed?: string;
}

interface Request {
  at: 'hub' | 'cdn';
  path: string;
  headers: http.IncomingHttpHeaders;
}

export const TOKEN = 'hf_bee';
type Way = (served: Served) => Answer;

/** The HTTP of the Hub, and of the server of files to which it redirects, on two ports: that of the Hub is the only one for a token. */
export class TestHub implements AsyncDisposable {
  readonly requests: Request[] = [];
  /** Tokens that it accepts, and with `+access` those of the list of who may see what is gated. */
  readonly tokens = new Set([TOKEN]);
  /** Files on one page of a listing. */
  pageSize = 1_000;
  readonly #repos = new Map<string, Repo>();
  readonly #ways: Way[] = [];
  readonly #answers: Answer[] = [];
  readonly #cdn: http.Server;
  readonly #hub: http.Server;

  private constructor() {
    this.#cdn = http.createServer((request, response) => {
      this.#answer('cdn', { request, response }, (...exchange) => this.#serveFile(...exchange));
    });
    this.#hub = http.createServer((request, response) => {
      const answer = this.#answers.shift() ?? ((...exchange) => this.#serve(...exchange));
      this.#answer('hub', { request, response }, answer);
    });
  }

  static async start(): Promise<TestHub> {
    const test = new TestHub();
    for (const server of [test.#cdn, test.#hub]) {
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
    }
    return test;
  }

  get url(): string {
    return urlOf(this.#hub);
  }

  /** @returns the commit, which changes with the files */
  put(name: string, files: Repo['files'], options: Pick<Repo, 'gated' | 'isPrivate' | 'renamed'> = {}): string {
    const hash = createHash('sha1');
    for (const [path, content] of Object.entries(files)) hash.update(path).update(content);
    const commit = hash.digest('hex');
    this.#repos.set(name.toLowerCase(), { ...options, name, files, commit });
    return commit;
  }

  /** How the next files are served: one way a request, then well. */
  cdn(...ways: Way[]): void {
    this.#ways.push(...ways);
  }

  /** How the next requests to the Hub itself are answered. */
  hub(...answers: Answer[]): void {
    this.#answers.push(...answers);
  }

  /** Ranges of files that were requested. */
  ranges(): (string | undefined)[] {
    return this.requests.filter(({ at }) => at === 'cdn').map(({ headers }) => headers.range);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const server of [this.#cdn, this.#hub]) {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    }
  }

  #answer(at: Request['at'], { request, response }: Exchange, answer: Answer): void {
    this.requests.push({ at, path: request.url ?? '', headers: request.headers });
    void Promise.resolve(answer(request, response)).catch(() => response.destroy());
  }

  #serveFile(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> | void {
    const digest = (request.url ?? '').slice(1).split('?')[0];
    const all = [...this.#repos.values()].flatMap(({ files }) => Object.values(files));
    const content = all.find((each) => sha256(each) === digest);
    const way = this.#ways.shift() ?? good;
    if (content === undefined) return void response.writeHead(403, { 'content-type': 'application/xml' }).end('<Error/>');
    // S3 refuses a second way to log in.
    if (request.headers.authorization !== undefined) return void response.writeHead(400).end();
    return way({ content, etag: '"of-the-cdn"' })(request, response);
  }

  #serve(request: http.IncomingMessage, response: http.ServerResponse): void {
    const url = new URL(request.url ?? '', this.url);
    if (url.pathname === '/api/models') return this.#search(url, response);
    const [, name = '', rest = ''] = /^(?:\/api\/models)?\/([^/]+\/[^/]+)\/(.+)$/.exec(url.pathname) ?? [];
    const token = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1];
    if (token !== undefined && !this.tokens.has(token))
      return refuse(response, 401, ['', 'Invalid credentials in Authorization header']);
    const repo = this.#repos.get(name.toLowerCase());
    if (repo === undefined || (repo.isPrivate === true && token === undefined)) {
      return refuse(response, token === undefined ? 401 : 404, ['RepoNotFound', 'Repository not found']);
    }
    if (repo.renamed !== undefined) {
      return void response.writeHead(307, { location: url.pathname.replace(name, repo.renamed) + url.search }).end();
    }
    const [kind, revision = '', ...path] = rest.split('/').map(decodeURIComponent);
    if (![repo.commit, 'main', 'v1'].includes(revision)) return refuse(response, 404, ['RevisionNotFound', 'Invalid rev id']);
    if (kind === 'revision') return json(response, { id: repo.name, sha: repo.commit, gated: repo.gated ?? false });
    if (kind === 'tree') return this.#list(url, repo, response);
    const content = repo.files[path.join('/')];
    if (content === undefined) return refuse(response, 404, ['EntryNotFound', 'Entry not found']);
    if (repo.gated === true && token === undefined) return refuse(response, 401, ['GatedRepo', 'Access to model is restricted']);
    if (repo.gated === true && !this.tokens.has(`${token}+access`))
      return refuse(response, 403, ['GatedRepo', 'Not on the list']);
    const digest = sha256(content);
    const linked = { 'x-linked-size': content.length, 'x-linked-etag': `"${digest}"`, 'x-repo-commit': repo.commit };
    response.writeHead(302, { ...linked, location: `${urlOf(this.#cdn)}/${digest}?Expires=9999999999&Signature=secret` }).end();
  }

  #search(url: URL, response: http.ServerResponse): void {
    const found = [...this.#repos.values()].filter(({ name }) =>
      name.toLowerCase().includes(url.searchParams.get('search') ?? ''),
    );
    const gguf = { architecture: 'llama', total: 2_100_000 };
    const entries = found.map(({ name: id, gated = false }, likes) => ({ id, likes, gated: gated && 'manual', gguf }));
    json(response, entries.slice(0, Number(url.searchParams.get('limit'))));
  }

  #list(url: URL, repo: Repo, response: http.ServerResponse): void {
    const from = Number(url.searchParams.get('cursor') ?? 0);
    const all = Object.entries(repo.files);
    const entries = all.slice(from, from + this.pageSize).map(([path, content]) => ({
      ...{ type: 'file', path, size: content.length, oid: gitOid(content), xetHash: 'c'.repeat(64) },
      ...(content.length < SMALL_BYTES ? {} : { lfs: { oid: sha256(content), size: content.length, pointerSize: 134 } }),
    }));
    url.searchParams.set('cursor', String(from + this.pageSize));
    const more = from + this.pageSize < all.length ? { link: `<${url.href}>; rel="next"` } : {};
    json(response, [{ type: 'directory', path: 'Q8_0', oid: '', size: 0 }, ...entries], more);
  }
}

/** Smaller files are in git itself. */
const SMALL_BYTES = 200;

interface Exchange {
  request: http.IncomingMessage;
  response: http.ServerResponse;
}

function urlOf(server: http.Server): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function sha256(content: Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}

function gitOid(content: Buffer): string {
  return createHash('sha1').update(`blob ${content.length}\0`).update(content).digest('hex');
}

function json(response: http.ServerResponse, body: unknown, headers: http.OutgoingHttpHeaders = {}): void {
  response.writeHead(200, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
}

function refuse(response: http.ServerResponse, status: number, [code, message]: [code: string, message: string]): void {
  const named = code === '' ? {} : { 'x-error-code': code };
  response.writeHead(status, { ...named, 'x-error-message': message }).end(JSON.stringify({ error: message }));
}
