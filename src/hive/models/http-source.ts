import { JobError } from '../../contract/index.ts';
import type { HttpAddress } from './address.ts';
import type { Patience } from './limits.ts';
import { Interruption, type Opened, type Place, type Source } from './source.ts';
import { readBody } from './web/read-body.ts';
import type { RequestGate } from './web/request-gate.ts';
import { headerOf, WebClient, type Headers, type Response } from './web/web-client.ts';

/** A file behind a URL, read by Range and If-Range (RFC 9110, sections 13.1.5 and 14). */
export class HttpSource implements Source {
  readonly label: string;
  readonly #url: URL;
  readonly #patience: Patience;
  readonly #client: WebClient;

  constructor({ label, url, authorization }: HttpAddress, parts: { patience: Patience; gate: RequestGate }) {
    this.label = label;
    this.#url = url;
    this.#patience = parts.patience;
    this.#client = new WebClient({ label, own: url, authorization }, parts);
  }

  /** Every time from the address as given: what it redirects to is often signed, and expires. */
  async open(from: Place, signal: AbortSignal): Promise<Opened> {
    // Without a version, the rest may belong to another version of the file.
    const resumes = from.offset > 0 && from.version !== undefined;
    const { response } = await this.#client.follow(this.#url, resumes ? rangeFrom(from) : {}, signal);
    const opened = resumes ? this.#resumed(from, response) : this.#fresh(response);
    if (opened !== undefined) return opened;
    response.body.destroy();
    const startsAgain = resumes && [206, 416].includes(response.statusCode);
    if (!startsAgain) throw this.#refusal(response.statusCode);
    return this.open({ offset: 0, version: undefined, total: null }, signal);
  }

  async close(): Promise<void> {
    await this.#client.close();
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

  #bodyOf(response: Response): AsyncIterable<Uint8Array> {
    return readBody(response, { client: this.#client, label: this.label, patience: this.#patience });
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
}

function rangeFrom({ offset, version }: Place): Headers {
  return { range: `bytes=${offset}-`, ...(version === undefined ? {} : { 'if-range': version }) };
}

/** A weak ETag is no promise that the bytes are the same, and If-Range must not carry one. */
function versionOf(response: Response): string | undefined {
  const etag = headerOf(response, 'etag');
  return etag === undefined || etag.startsWith('W/') ? headerOf(response, 'last-modified') : etag;
}

function countOf(digits: string | undefined): number | null {
  return digits !== undefined && /^\d{1,15}$/.test(digits) ? Number(digits) : null;
}

async function* nothing(): AsyncGenerator<Uint8Array, void, void> {}
