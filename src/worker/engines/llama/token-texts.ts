import type { LlamaModel, Token } from 'node-llama-cpp';
import { TOKEN_KINDS } from './vocabulary.ts';

/** Tokens that are cut out of a text before all else. */
export interface TokenTexts {
  /** What is one token where the model's own text says so, as llama.cpp has it. A caller's text must not have them. */
  control: string[];
  /** What is one token wherever it is. */
  anywhere: string[];
}

/** The longest first. Empty and blank texts are left out. */
export function tokenTextsOf(model: LlamaModel): TokenTexts {
  const { tokens, token_type } = model.fileInfo.metadata.tokenizer.ggml;
  // A file may omit the kinds.
  const kinds = (token_type as readonly number[] | undefined) ?? [];
  const ofKinds = (...wanted: number[]) =>
    tokens.filter((text, token) => text.trim() !== '' && wanted.includes(kinds[token] ?? 0)).sort((a, b) => b.length - a.length);
  return { control: ofKinds(TOKEN_KINDS.unknown, TOKEN_KINDS.control), anywhere: ofKinds(TOKEN_KINDS.userDefined) };
}

/** The texts of tokens at which the engine ends an answer. */
export function endTextsOf(model: LlamaModel): string[] {
  const { tokens, token_type } = model.fileInfo.metadata.tokenizer.ggml;
  const kinds = (token_type as readonly number[] | undefined) ?? [];
  const isSpecial = (token: number) => kinds[token] === TOKEN_KINDS.control || kinds[token] === TOKEN_KINDS.userDefined;
  return tokens.filter((text, token) => text !== '' && isSpecial(token) && model.isEogToken(token as Token));
}

/** Compares the first character before it tries up to a thousand texts in turn. */
export function anyOf(texts: readonly string[]): RegExp | undefined {
  if (texts.length === 0) return undefined;
  const firsts = [...new Set(texts.map((text) => String.fromCodePoint(text.codePointAt(0) ?? 0)))];
  const longestFirst = [...texts].sort((a, b) => b.length - a.length);
  return new RegExp(`(?=${firsts.map(escaped).join('|')})(?:${longestFirst.map(escaped).join('|')})`, 'gu');
}

function escaped(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\/]/g, String.raw`\$&`);
}
