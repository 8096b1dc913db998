import { JobError } from '../../../contract/index.ts';
import type { Patience } from '../limits.ts';
import { Interruption, type Opened, type Place, type Source } from '../source.ts';
import { readBody } from '../web/read-body.ts';
import { headerOf, type Response } from '../web/web-client.ts';
import type { HubFile } from './candidates.ts';
import type { HubClient, HubRevision } from './hub-client.ts';

/** What identifies the content of a file of the Hub, whatever address it comes from. */
export function versionOf({ sha256, oid }: HubFile): string {
  return sha256 ?? oid;
}

/** A file of one version of a repository. Its size and digest are known, so that its parts may come from any server and at any time. */
export class HubSource implements Source {
  readonly label: string;
  readonly #client: HubClient;
  readonly #revision: HubRevision;
  readonly #file: HubFile;
  readonly #patience: Patience;

  constructor(client: HubClient, { revision, file }: { revision: HubRevision; file: HubFile }, patience: Patience) {
    this.label = `${revision.repo}/${file.path}`;
    this.#client = client;
    this.#revision = revision;
    this.#file = file;
    this.#patience = patience;
  }

  /** Every time from the Hub: the address to which it redirects is signed, and expires. */
  async open(from: Place, signal: AbortSignal): Promise<Opened> {
    const { repo, commit } = this.#revision;
    const { path, sizeBytes: total } = this.#file;
    const version = versionOf(this.#file);
    const start = from.version === version && from.offset < total ? from.offset : 0;
    // An open range of a file of more than 50 GB is refused.
    const headers = total === 0 ? {} : { range: `bytes=${start}-${total - 1}` };
    const address = this.#client.addressOf(`/${repo}/resolve/${commit}/${path.split('/').map(encodeURIComponent).join('/')}`);
    const { response, url, isOfHub } = await this.#client.follow(
      address,
      { repo, revision: commit, file: path },
      { headers, signal },
    );
    const offset = this.#offsetOf(response, start, isOfHub ? undefined : url.host);
    const body = readBody(response, { client: this.#client.web, label: this.label, patience: this.#patience });
    return { offset, version, total, body };
  }

  async close(): Promise<void> {}

  /** @throws JobError model_corrupt where it is another file; Interruption where the server of the file refuses */
  #offsetOf(response: Response, start: number, host: string | undefined): number {
    try {
      return this.#checked(response, start, host);
    } catch (cause) {
      response.body.destroy();
      throw cause;
    }
  }

  #checked(response: Response, start: number, host: string | undefined): number {
    const { statusCode: status } = response;
    const { sizeBytes: total } = this.#file;
    if (status >= 400) throw this.#refusal(status, host ?? '');
    if (/^text\/html/i.test(headerOf(response, 'content-type') ?? '')) {
      throw this.#corrupt('a web page came in its place: a proxy or a login page may be in between');
    }
    const encoding = headerOf(response, 'content-encoding') ?? 'identity';
    if (encoding !== 'identity') throw this.#corrupt(`it came compressed (${encoding.slice(0, 20)})`);
    const length = Number(headerOf(response, 'content-length') ?? total);
    if (status === 200 && length === total) return 0;
    if (status === 200) throw this.#corrupt(`${length} bytes came, and the Hub lists ${total}`);
    const [, first, , all] = /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15}|\*)$/.exec(headerOf(response, 'content-range') ?? '') ?? [];
    if (status === 206 && Number(first) === start && (all === '*' || Number(all) === total)) return start;
    throw this.#corrupt(`the server sent another part than was requested, or one of another file (HTTP ${status})`);
  }

  /** The signed address may have expired between two requests. */
  #refusal(status: number, host: string): JobError {
    const sentence = `Cannot fetch ${this.label}: ${host} answered HTTP ${status}`;
    const mayPass = status >= 500 || [401, 403, 408, 416, 429].includes(status);
    return mayPass ? new Interruption(sentence) : new JobError('download_failed', sentence);
  }

  #corrupt(why: string): JobError {
    return new JobError('model_corrupt', `${this.label} cannot be fetched: ${why}`);
  }
}
