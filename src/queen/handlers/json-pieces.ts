import { setImmediate as turn } from 'node:timers/promises';

/** So much JSON is made at once: less than 1 ms. */
const PIECE_CHARS = 64 * 1024;

/** JSON of an object with lists, made in pieces between which other work has its turn. */
export class JsonPieces {
  readonly #texts: string[] = [];
  #chars = 0;

  value(name: string, value: object): void {
    this.#begin(name);
    this.#texts.push(JSON.stringify(value));
  }

  async list<Entry>(name: string, entries: readonly Entry[], describe: (entry: Entry) => object): Promise<void> {
    this.#begin(name);
    this.#texts.push('[');
    for (const [at, entry] of entries.entries()) {
      const text = JSON.stringify(describe(entry));
      this.#texts.push(at === 0 ? text : `,${text}`);
      this.#chars += text.length;
      if (this.#chars >= PIECE_CHARS) await this.#pause();
    }
    this.#texts.push(']');
  }

  /** The whole object. */
  async end(): Promise<string> {
    await this.#pause();
    const json = `{${this.#texts.join('')}}`;
    await this.#pause();
    return json;
  }

  #begin(name: string): void {
    this.#texts.push(`${this.#texts.length === 0 ? '' : ','}"${name}":`);
  }

  async #pause(): Promise<void> {
    this.#chars = 0;
    await turn();
  }
}
