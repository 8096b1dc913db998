import type { LlamaModel, Token } from 'node-llama-cpp';

/** Kinds of token in a GGUF header (`tokenizer.ggml.token_type`). */
export const TOKEN_KINDS = { unknown: 2, control: 3, userDefined: 4, unused: 5, byte: 6 } as const;
const TEXTLESS_KINDS: ReadonlySet<number> = new Set([TOKEN_KINDS.unknown, TOKEN_KINDS.control, TOKEN_KINDS.unused]);

export interface VocabularyHeader {
  /** `tokenizer.ggml.model`: 'gpt2' for byte-level BPE, 'llama' for SentencePiece, … */
  model: string;
  tokens: readonly string[];
  kinds: readonly number[];
}

export interface Vocabulary {
  /** How many tokens it has. */
  size: number;
  /** The bytes that a token adds to an answer; none for a control token. A character may need several tokens. */
  bytesOf(token: number): Uint8Array;
  /** No token stands for more bytes of text than this. */
  longestTokenBytes: number;
  /** True when the tokenizer puts a space before the first word of every answer. */
  startsWithSpace: boolean;
}

/**
 * rbee turns tokens into bytes itself: llama.cpp's detokenizer also "cleans up" spaces before punctuation, which breaks
 * code, and it returns text, in which half a character looks like a wrong one.
 */
export function vocabularyOf(model: LlamaModel): Vocabulary {
  const { ggml } = model.fileInfo.metadata.tokenizer;
  const header: VocabularyHeader = { model: ggml.model, tokens: ggml.tokens, kinds: ggml.token_type };
  const ofToken = decoders[header.model];
  const encoder = new TextEncoder();
  return {
    size: header.tokens.length,
    bytesOf: ofToken
      ? (token) => tokenBytes(header, token, ofToken)
      : (token) => encoder.encode(model.detokenize([token as Token])),
    longestTokenBytes: header.tokens.reduce((longest, token) => Math.max(longest, Buffer.byteLength(token)), 1),
    startsWithSpace: header.model === 'llama' && (ggml.add_space_prefix ?? true),
  };
}

/** The bytes of tokens as the vocabulary has them, and the names of control tokens that are in one of these texts. */
export function bytesWithMarks(model: LlamaModel, vocabulary: Vocabulary, texts: readonly string[]): Vocabulary['bytesOf'] {
  const bytesOf = (token: number) => vocabulary.bytesOf(token);
  const names = model.fileInfo.metadata.tokenizer.ggml.tokens;
  const marks = new Map<number, Uint8Array>();
  for (const token of texts.flatMap((text) => model.tokenize(text, true, 'trimLeadingSpace')))
    if (bytesOf(token).length === 0) marks.set(token, Buffer.from(names[token] ?? ''));
  return marks.size === 0 ? bytesOf : (token) => marks.get(token) ?? bytesOf(token);
}

type DecodeText = (text: string) => Uint8Array;

/** Exported for its test. The rules are those of llama.cpp's `token_to_piece`. */
export function tokenBytes(header: VocabularyHeader, token: number, decode: DecodeText | undefined): Uint8Array {
  const text = header.tokens[token] ?? '';
  // A file may omit the kinds; then every token is a normal one.
  const kind = (header.kinds as readonly number[] | undefined)?.[token];
  if (kind !== undefined && TEXTLESS_KINDS.has(kind)) return new Uint8Array();
  if (kind === TOKEN_KINDS.userDefined || decode === undefined) return Buffer.from(text);
  if (kind === TOKEN_KINDS.byte) return Uint8Array.of(Number.parseInt(text.slice('<0x'.length, -1), 16));
  return decode(text);
}

export const decoders: Record<string, DecodeText | undefined> = {
  gpt2: decodeByteLevel,
  llama: decodeSentencePiece,
};

/** SentencePiece writes a space as U+2581. */
function decodeSentencePiece(text: string): Uint8Array {
  return Buffer.from(text.replaceAll('\u2581', ' '));
}

/** Byte-level BPE writes every byte as one visible character; a character outside that alphabet stands for itself. */
function decodeByteLevel(text: string): Uint8Array {
  const bytes: number[] = [];
  for (const character of text) {
    const byte = byteAlphabet.get(character);
    if (byte === undefined) bytes.push(...Buffer.from(character));
    else bytes.push(byte);
  }
  return Uint8Array.from(bytes);
}

/**
 * GPT-2's alphabet (`bytes_to_unicode` in its encoder.py): printable Latin-1 bytes stand for themselves, the other 68 are
 * numbered on from U+0100.
 */
const byteAlphabet: ReadonlyMap<string, number> = new Map(
  (() => {
    const printable = (byte: number) => (byte > 0x20 && byte < 0x7f) || (byte > 0xa0 && byte !== 0xad && byte <= 0xff);
    let others = 0;
    return Array.from({ length: 256 }, (_, byte): [string, number] => [
      String.fromCodePoint(printable(byte) ? byte : 0x100 + others++),
      byte,
    ]);
  })(),
);
