import { request, type Dispatcher } from 'undici';
import { JobError, NETWORK_WORDS } from '../../../contract/index.ts';
import { errnoOf } from '../disk.ts';
import { INTERIM_LIMIT, LIMIT_WAIT_MS, REDIRECTS_LIMIT, type Patience } from '../limits.ts';
import { Interruption } from '../source.ts';
import { proxiedAgent, proxyNames } from './proxied-agent.ts';
import { mayRedirect } from './redirect.ts';
import type { RequestGate } from './request-gate.ts';
import { waitMsOf } from './retry-after.ts';

export type Response = Dispatcher.ResponseData;
export type Headers = Record<string, string>;

export interface WebTarget {
  /** For messages, without secrets. */
  label: string;
  /** Only to its origin are the credentials sent, and only its host may be this machine. */
  own: URL;
  authorization: string | undefined;
  /** Of the error when a server limits requests for too long. */
  limitCode?: 'download_failed' | 'hub_limited';
}

const REDIRECTS: readonly number[] = [301, 302, 303, 307, 308];

/** Requests to one server, and to where it redirects: with deadlines, through the proxy of the environment, and never faster than the server wants. */
export class WebClient {
  readonly #target: WebTarget;
  readonly #patience: Patience;
  readonly #gate: RequestGate;
  readonly #agent: Dispatcher;
  /** Whether the server was ever there. If not, a refused connection is a wrong address and no outage. */
  #answered = false;

  constructor(target: WebTarget, { patience, gate }: { patience: Patience; gate: RequestGate }) {
    this.#target = target;
    this.#patience = patience;
    this.#gate = gate;
    this.#agent = proxiedAgent(target.own, patience);
  }

  /** @returns the first answer that is no redirect, and where it came from */
  async follow(from: URL, headers: Headers, signal: AbortSignal): Promise<{ response: Response; url: URL }> {
    let url = from;
    for (let redirects = 0; redirects <= REDIRECTS_LIMIT; redirects += 1) {
      const response = await this.#get(url, headers, signal);
      const location = headerOf(response, 'location');
      if (!REDIRECTS.includes(response.statusCode) || location === undefined) return { response, url };
      response.body.destroy();
      url = this.#redirected(location, url);
    }
    throw new JobError('download_failed', `${this.#target.label} redirects more than ${REDIRECTS_LIMIT} times`);
  }

  /** One request. @throws Interruption where the same request may work later, and when the server limits requests */
  async #get(url: URL, headers: Headers, signal: AbortSignal): Promise<Response> {
    await this.#gate.pass(url.origin, signal);
    const response = await this.#send(url, headers, signal);
    const limit = { retryAfter: headerOf(response, 'retry-after'), rateLimit: headerOf(response, 'ratelimit') };
    const waitMs = [429, 503].includes(response.statusCode) ? waitMsOf(limit) : undefined;
    if (waitMs === undefined) return response;
    response.body.destroy();
    throw this.#limited(url, response.statusCode, waitMs);
  }

  #redirected(location: string, from: URL): URL {
    const url = URL.canParse(location, from.href) ? new URL(location, from) : undefined;
    if (url !== undefined && mayRedirect(this.#target.own, url)) return url;
    const where = url === undefined || !/^https?:$/.test(url.protocol) ? (url?.protocol ?? location.slice(0, 100)) : url.host;
    throw new JobError('download_failed', `${this.#target.label} redirects to '${where}', which is not fetched`);
  }

  async close(): Promise<void> {
    await this.#agent.destroy();
  }

  async #send(url: URL, headers: Headers, signal: AbortSignal): Promise<Response> {
    const { authorization, label, own } = this.#target;
    const { connectMs, answerMs, idleBodyMs } = this.#patience;
    // Credentials are for the server that they were given for, not for whom it redirects to.
    const login: Headers = authorization !== undefined && url.origin === own.origin ? { authorization } : {};
    const head = new AbortController();
    const late = new Interruption(`Cannot fetch ${label}: no answer within ${answerMs / 1000} s (answer deadline)`);
    // The client's own deadline restarts with each interim answer.
    const timer = setTimeout(() => head.abort(late), connectMs + answerMs);
    let interim = 0;
    try {
      const response = await request(url, {
        dispatcher: this.#agent,
        signal: AbortSignal.any([signal, head.signal]),
        headersTimeout: answerMs,
        bodyTimeout: idleBodyMs,
        onInfo: () => {
          interim += 1;
          if (interim > INTERIM_LIMIT) head.abort(new JobError('download_failed', `${label} sends interim answers and no file`));
        },
        headers: { 'user-agent': `rbee/${__RBEE_VERSION__}`, 'accept-encoding': 'identity', ...login, ...headers },
      });
      this.#answered = true;
      // A body that is let go unread reports an error, which would end the process.
      response.body.on('error', () => {});
      return response;
    } catch (cause) {
      throw this.inOurWords(cause);
    } finally {
      clearTimeout(timer);
    }
  }

  #limited(url: URL, status: number, waitMs: number): JobError {
    const seconds = Math.ceil(waitMs / 1000);
    const words = `${this.#target.label} cannot be fetched: the server limits requests (HTTP ${status}) and accepts the next one in ${seconds} s`;
    const { limitCode: code = 'download_failed' } = this.#target;
    this.#gate.close(url.origin, Math.min(waitMs, LIMIT_WAIT_MS));
    return waitMs > LIMIT_WAIT_MS ? new JobError(code, words) : new Interruption(words, { waitMs, code });
  }

  inOurWords(cause: unknown): JobError {
    if (cause instanceof JobError) return cause;
    const code = errnoOf(cause) ?? '';
    const why = this.#passing()[code] ?? tunnelRefusal(cause);
    const sentence = `Cannot fetch ${this.#target.label}: ${why ?? String(cause)}${proxyWords()}`;
    const isFinal = !this.#answered && (code === 'ECONNREFUSED' || code === 'ENOTFOUND' || isRefusedByProxy(cause));
    return why === undefined || isFinal
      ? new JobError('download_failed', sentence, { cause })
      : new Interruption(sentence, { cause });
  }

  /** What may be different at the next try. */
  #passing(): Record<string, string> {
    const { connectMs, answerMs, idleBodyMs } = this.#patience;
    return {
      ...NETWORK_WORDS,
      UND_ERR_SOCKET: 'connection closed',
      UND_ERR_CONNECT_TIMEOUT: `no connection within ${connectMs / 1000} s (connect deadline)`,
      UND_ERR_HEADERS_TIMEOUT: `no answer within ${answerMs / 1000} s (answer deadline)`,
      UND_ERR_BODY_TIMEOUT: `nothing came for ${idleBodyMs / 1000} s (idle deadline)`,
    };
  }
}

export function headerOf(response: Response, name: string): string | undefined {
  const value = response.headers[name];
  return Array.isArray(value) ? value[0] : value;
}

function tunnelStatus(cause: unknown): number | undefined {
  const status = cause instanceof Error ? /^Proxy response \((\d{3})\)/.exec(cause.message)?.[1] : undefined;
  return status === undefined ? undefined : Number(status);
}

function tunnelRefusal(cause: unknown): string | undefined {
  const status = tunnelStatus(cause);
  if (status === 407) return 'the proxy requires a login (HTTP 407)';
  return status === undefined ? undefined : `the proxy does not connect to it (HTTP ${status})`;
}

function isRefusedByProxy(cause: unknown): boolean {
  return (tunnelStatus(cause) ?? 500) < 500;
}

function proxyWords(): string {
  const names = proxyNames();
  return names.length === 0 ? '' : `. The hive uses a proxy (${names.join(', ')})`;
}
