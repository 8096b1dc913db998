import type { Token } from 'node-llama-cpp';

/** The last tokens of a prompt and its answer. */
export class RecentTokens {
  readonly limit: number;
  #tokens: Token[];

  constructor(prompt: readonly Token[], limit: number) {
    this.limit = limit;
    this.#tokens = limit === 0 ? [] : prompt.slice(-limit);
  }

  get tokens(): Token[] {
    return this.#tokens;
  }

  add(tokens: readonly Token[]): void {
    this.#tokens.push(...tokens);
    this.#tokens.splice(0, this.#tokens.length - this.limit);
  }
}
