/** What a program has to know to use this fleet. */
export interface Connection {
  /** Origin of the queen, such as 'http://127.0.0.1:8500'. */
  queenUrl: string;
  /** Variable that has the token; undefined where the fleet accepts any key. */
  keyVariable: string | undefined;
  model: string;
  /** A model that turns text into vectors; undefined where the fleet has none. */
  embeddingModel: string | undefined;
  /** Tokens that a conversation may have now, and with a worker that is started for more. */
  contextTokens: number;
  trainedTokens: number;
}

/** The key where none is needed: most programs insist on one. */
export const ANY_KEY = 'rbee';

/** The base URL of each API. */
export const apiUrls = {
  OpenAI: (queenUrl: string) => `${queenUrl}/v1`,
  Anthropic: (queenUrl: string) => queenUrl,
  Ollama: (queenUrl: string) => queenUrl,
} as const;
export type Api = keyof typeof apiUrls;

/** One word of a POSIX shell. */
export function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

/** The key as a word of a shell. */
export function shellKey({ keyVariable }: Connection): string {
  return keyVariable === undefined ? ANY_KEY : `"$${keyVariable}"`;
}

export function exports(variables: Readonly<Record<string, string>>): string {
  return Object.entries(variables)
    .map(([name, word]) => `export ${name}=${word}`)
    .join('\n');
}

/** A string of JSON, TOML, YAML, Python and JavaScript. */
export function quoted(text: string): string {
  return JSON.stringify(text);
}

export function json(value: object): string {
  return JSON.stringify(value, null, 2);
}
