import { PassThrough } from 'node:stream';
import { Agent, request, type Dispatcher } from 'undici';
import { NETWORK_WORDS, JobError } from '../../contract/index.ts';
import type { HttpAddress } from './address.ts';
import { errnoOf } from './disk.ts';
import { INTERIM_LIMIT, REDIRECTS_LIMIT, type Patience } from './limits.ts';
import { lookupFor, mayRedirect } from './redirect.ts';
import { Interruption, type Opened, type Place, type Source } from './source.ts';

const RECEIVE_BUFFER_BYTES = 256 * 1024;

type Response = Dispatcher.ResponseData;
type Headers = Record<string, string>;

/** A file behind a URL, read by Range and If-Range (RFC 9110, sections 13.1.5 and 14). */
export class HttpSource implements Source {
  readonly label: string;
  readonly #address: HttpAddress;
  readonly #patience: Patience;
  readonly #agent: Agent;
  /** Whether the server was ever there. If not, a refused connection is a wrong address and no outage. */
  #answered = false;

  constructor(address: HttpAddress, patience: Patience) {
    this.label = address.label;
    this.#address = address;
    this.#patience = patience;
    this.#agent = new Agent({
      connect: { timeout: patience.connectMs, lookup: lookupFor(address.url) },
      headersTimeout: patience.answerMs,
      bodyTimeout: patience.idleBodyMs,
    });
  }

  /** Every time from the address as given: what it redirects to is often signed, and expires. */
  async open(from: Place, signal: AbortSignal): Promise<Opened> {
    // Without a version, the rest may belong to another version of the file.
    const resumes = from.offset > 0 && from.version !== undefined;
    const response = await this.#follow(resumes ? rangeFrom(from) : {}, signal);
    const opened = resumes ? this.#resumed(from, response) : this.#fresh(response);
    if (opened !== undefined) return opened;
    response.body.destroy();
    const startsAgain = resumes && [206, 416].includes(response.statusCode);
    if (!startsAgain) throw this.#refusal(response.statusCode);
    return this.open({ offset: 0, version: undefined, total: null }, signal);
  }

  async close(): Promise<void> {
    await this.#agent.destroy();
  }

  #fresh(response: Response): Opened | undefined {
    if (response.statusCode !== 200) return undefined;
    this.#requirePlain(response);
    const total = countOf(headerOf(response, 'content-length'));
    return { offset: 0, version: versionOf(response), total, body: this.#bodyOf(response) };
  }

  /** @returns undefined where only the whole file helps: it has changed, or the server sends another part than was asked for */
  #resumed(from: Place, response: Response): Opened | undefined {
    const range = /^bytes (?:(\d+)-\d+|\*)\/(\d+|\*)$/.exec(headerOf(response, 'content-range') ?? '');
    const total = countOf(range?.[2]);
    if (response.statusCode === 416) {
      return total === from.offset ? { ...from, total, body: nothing() } : undefined;
    }
    if (response.statusCode !== 206) return this.#fresh(response);
    this.#requirePlain(response);
    const version = versionOf(response) ?? from.version;
    const goesOn = countOf(range?.[1]) === from.offset && version === from.version;
    const sameLength = total === null || from.total === null || total === from.total;
    return goesOn && sameLength ? { ...from, total: total ?? from.total, body: this.#bodyOf(response) } : undefined;
  }

  async #follow(headers: Headers, signal: AbortSignal): Promise<Response> {
    let url = this.#address.url;
    for (let redirects = 0; redirects <= REDIRECTS_LIMIT; redirects += 1) {
      const response = await this.#request(url, headers, signal);
      const location = headerOf(response, 'location');
      if (![301, 302, 303, 307, 308].includes(response.statusCode) || location === undefined) return response;
      response.body.destroy();
      url = this.#redirected(location, url);
    }
    throw new JobError('download_failed', `${this.label} redirects more than ${REDIRECTS_LIMIT} times`);
  }

  async #request(url: URL, headers: Headers, signal: AbortSignal): Promise<Response> {
    const { authorization, url: own } = this.#address;
    // Credentials are for the server that they were given for, not for whom it redirects to.
    const login: Headers = authorization !== undefined && url.origin === own.origin ? { authorization } : {};
    const head = new AbortController();
    const late = new Interruption(
      `Cannot fetch ${this.label}: no answer within ${this.#patience.answerMs / 1000} s (answer deadline)`,
    );
    // The client's own deadline restarts with each interim answer.
    const timer = setTimeout(() => head.abort(late), this.#patience.connectMs + this.#patience.answerMs);
    let interim = 0;
    try {
      const response = await request(url, {
        dispatcher: this.#agent,
        signal: AbortSignal.any([signal, head.signal]),
        onInfo: () => {
          interim += 1;
          if (interim > INTERIM_LIMIT)
            head.abort(new JobError('download_failed', `${this.label} sends interim answers and no file`));
        },
        headers: { 'user-agent': 'rbee', 'accept-encoding': 'identity', ...login, ...headers },
      });
      this.#answered = true;
      // A body that is let go unread reports an error, which would end the process.
      response.body.on('error', () => {});
      return response;
    } catch (cause) {
      throw this.#inOurWords(cause);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Compressed, it is no model, and a few bytes could become a full disk. */
  #requirePlain(response: Response): void {
    const encoding = headerOf(response, 'content-encoding') ?? 'identity';
    if (encoding === 'identity' || encoding === '') return;
    response.body.destroy();
    throw new JobError(
      'download_failed',
      `${this.label} sends the file compressed (${encoding.slice(0, 20)}), although rbee asked for it uncompressed`,
    );
  }

  #redirected(location: string, from: URL): URL {
    const url = URL.canParse(location, from.href) ? new URL(location, from) : undefined;
    if (url !== undefined && mayRedirect(this.#address.url, url)) return url;
    const where = url === undefined || !/^https?:$/.test(url.protocol) ? (url?.protocol ?? location.slice(0, 100)) : url.host;
    throw new JobError('download_failed', `${this.label} redirects to '${where}', which is not fetched`);
  }

  /**
   * Through a buffer, from the start: a stream that breaks drops the bytes that it has received and that are not read yet,
   * and tells of it only those who already listen.
   */
  #bodyOf({ body }: Response): AsyncIterable<Uint8Array> {
    const received = new PassThrough({ highWaterMark: RECEIVE_BUFFER_BYTES });
    let failure: Error | undefined;
    body.on('error', (cause) => {
      failure = this.#inOurWords(cause);
      received.end();
    });
    body.pipe(received);
    const slow = this.#slowness();
    return read();

    async function* read(): AsyncGenerator<Uint8Array, void, void> {
      try {
        for await (const piece of received as AsyncIterable<Uint8Array>) {
          slow(piece.length);
          yield piece;
        }
      } finally {
        body.destroy();
      }
      if (failure !== undefined) throw failure;
    }
  }

  /** To be called for each piece. @throws Interruption when they come too slowly to be of use */
  #slowness(): (bytes: number) => void {
    const { bytesPerS, forMs } = this.#patience.slow;
    let since = performance.now();
    let bytes = 0;
    return (more) => {
      bytes += more;
      const ms = performance.now() - since;
      if (ms < forMs) return;
      const sentence = `Cannot fetch ${this.label}: ${bytes} bytes came in ${Math.round(ms / 1000)} s, which is too slow to go on`;
      if (bytes < (bytesPerS * ms) / 1000) throw new Interruption(sentence, { isFruitless: true });
      since = performance.now();
      bytes = 0;
    };
  }

  #refusal(status: number): JobError {
    const { label } = this;
    if (status === 404 || status === 410) return new JobError('download_failed', `There is no file at ${label} (HTTP ${status})`);
    if (status === 401 || status === 403) {
      return new JobError('download_failed', `${label} requires a login, or rejects this one (HTTP ${status})`);
    }
    const sentence = `${label} cannot be fetched: the server answered HTTP ${status}`;
    return status >= 500 || [408, 425, 429].includes(status)
      ? new Interruption(sentence)
      : new JobError('download_failed', sentence);
  }

  #inOurWords(cause: unknown): JobError {
    if (cause instanceof JobError) return cause;
    const code = errnoOf(cause) ?? '';
    const { connectMs, answerMs, idleBodyMs } = this.#patience;
    const passing: Record<string, string> = {
      ...NETWORK_WORDS,
      UND_ERR_SOCKET: 'connection closed',
      UND_ERR_CONNECT_TIMEOUT: `no connection within ${connectMs / 1000} s (connect deadline)`,
      UND_ERR_HEADERS_TIMEOUT: `no answer within ${answerMs / 1000} s (answer deadline)`,
      UND_ERR_BODY_TIMEOUT: `nothing came for ${idleBodyMs / 1000} s (idle deadline)`,
    };
    const why = passing[code];
    const sentence = `Cannot fetch ${this.label}: ${why ?? String(cause)}`;
    const wrongAddress = !this.#answered && (code === 'ECONNREFUSED' || code === 'ENOTFOUND');
    return why === undefined || wrongAddress
      ? new JobError('download_failed', sentence, { cause })
      : new Interruption(sentence, { cause });
  }
}

function rangeFrom({ offset, version }: Place): Headers {
  return { range: `bytes=${offset}-`, ...(version === undefined ? {} : { 'if-range': version }) };
}

/** A weak ETag is no promise that the bytes are the same, and If-Range must not carry one. */
function versionOf(response: Response): string | undefined {
  const etag = headerOf(response, 'etag');
  return etag === undefined || etag.startsWith('W/') ? headerOf(response, 'last-modified') : etag;
}

function headerOf(response: Response, name: string): string | undefined {
  const value = response.headers[name];
  return Array.isArray(value) ? value[0] : value;
}

function countOf(digits: string | undefined): number | null {
  return digits !== undefined && /^\d{1,15}$/.test(digits) ? Number(digits) : null;
}

async function* nothing(): AsyncGenerator<Uint8Array, void, void> {}
