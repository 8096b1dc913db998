import type { LlamaModel, Token } from 'node-llama-cpp';
import { Cuts, PromptCache } from './prompt-cache.ts';
import { piecesOf } from './text-pieces.ts';
import { anyOf, tokenTextsOf } from './token-texts.ts';
import { Turns } from './turns.ts';
import { vocabularyOf } from './vocabulary.ts';

/** The longest time for which one request blocks the others. A piece of text takes about a tenth of it. */
const SLICE_MS = 5;

const LONGEST_KNOWN = 120;
const MOST_KNOWN = 500;

export interface TokenLimit {
  signal: AbortSignal;
  /** The rest of a text with more tokens is not tokenized. */
  mostTokens: number;
}

export interface PlainText {
  /** True where no name of a control token is one: none of the text is the model's own. */
  isPlain?: boolean;
  /** True for the middle of a longer text, where a SentencePiece vocabulary puts no space before the first word. */
  isContinued?: boolean;
  /** A character that is no part of the text: a name that it breaks is text like any other. */
  mark?: string | undefined;
}

/** A part of a text: one token, or what is between two. */
interface Part {
  text: string;
  at: number;
  isToken: boolean;
}

/**
 * Turns text into tokens, in this one thread, which serves every stream of the worker: piece by piece, with a turn for the others
 * after every few milliseconds. The tokens are those that llama.cpp makes of the whole text.
 */
export class PromptTokenizer {
  #model: LlamaModel;
  #startsWithSpace: boolean;
  #names: { anywhere: RegExp | undefined; all: RegExp | undefined };
  #known = new Map<string, readonly Token[]>();
  #takesSpace = new Map<string, boolean>();
  #cache: PromptCache;
  #turns = new Turns();

  constructor(model: LlamaModel) {
    this.#model = model;
    this.#startsWithSpace = vocabularyOf(model).startsWithSpace;
    const { anywhere, control } = tokenTextsOf(model);
    this.#names = { anywhere: anyOf(anywhere), all: anyOf([...control, ...anywhere]) };
    this.#cache = new PromptCache([...control, ...anywhere].reduce((longest, { length }) => Math.max(longest, length), 0));
  }

  /**
   * Begins with the token that begins every text, where the header asks for one and the text does not: as llama.cpp does. A text of
   * more than `mostTokens` gives about as many.
   */
  async tokenize(
    text: string,
    { signal, mostTokens }: TokenLimit,
    { isPlain = false, isContinued = false, mark }: PlainText = {},
  ): Promise<Token[]> {
    const isCached = !isPlain && mark === undefined;
    const start = isCached ? this.#cache.find(text) : { at: 0, tokens: [] };
    const tokens = [...start.tokens];
    const cuts = new Cuts();
    let sliceEnd = 0;
    for (const { at, tokenize } of this.#pieces(text, { from: start.at, isPlain, isContinued, mark })) {
      if (performance.now() >= sliceEnd) {
        await this.#turns.take();
        signal.throwIfAborted();
        sliceEnd = performance.now() + SLICE_MS;
      }
      if (at !== undefined) cuts.add(at, tokens.length);
      for (const token of tokenize()) tokens.push(token);
      if (tokens.length > mostTokens) break;
    }
    if (isCached && tokens.length <= mostTokens) this.#cache.add({ text, tokens: [...tokens], cuts: cuts.made });
    const { bos, shouldPrependBosToken } = this.#model.tokens;
    if (shouldPrependBosToken && bos !== null && tokens[0] !== bos) tokens.unshift(bos);
    return tokens;
  }

  /** Each tokenizes one piece; `at` where a text can be cut before it. */
  *#pieces(
    text: string,
    { from, isPlain, isContinued, mark }: PlainText & { from: number },
  ): Generator<{ at?: number; tokenize: () => readonly Token[] }, void, void> {
    let takesSpace = false;
    for (const part of partsOf(text, from, isPlain ? this.#names.anywhere : this.#names.all)) {
      if (part.isToken) {
        yield { at: part.at, tokenize: () => this.#token(part.text) };
        takesSpace = this.#isSpaceTaken(part.text);
        continue;
      }
      const rest = mark === undefined ? part.text : part.text.replaceAll(mark, '');
      let isBeginning = !(isContinued === true && part.at === 0);
      for (const piece of piecesOf(takesSpace ? rest.trimStart() : rest)) {
        const isWhole = isBeginning;
        yield {
          tokenize: () =>
            this.#knownOr(`${String(isWhole)} ${piece}`, () => (isWhole ? this.#model.tokenize(piece) : this.#continued(piece))),
        };
        isBeginning = false;
      }
    }
  }

  #token(name: string): readonly Token[] {
    return this.#knownOr(`token ${name}`, () => this.#model.tokenize(name, true));
  }

  /** Some vocabularies have tokens that take the white space behind them. */
  #isSpaceTaken(name: string): boolean {
    const known = this.#takesSpace.get(name) ?? this.#model.tokenize(`${name}\n`, true).length === this.#token(name).length;
    this.#takesSpace.set(name, known);
    return known;
  }

  /** The text that a template writes around every message is tokenized once: compiling the expression takes a millisecond each time. */
  #knownOr(key: string, tokenize: () => readonly Token[]): readonly Token[] {
    if (key.length > LONGEST_KNOWN) return tokenize();
    const tokens = this.#known.get(key) ?? tokenize();
    if (this.#known.size >= MOST_KNOWN) this.#known.clear();
    this.#known.set(key, tokens);
    return tokens;
  }

  /** The tokens of a piece from the middle of a text, where a SentencePiece vocabulary would put a space before it. */
  #continued(piece: string): Token[] {
    const whole = (text: string) => this.#model.tokenize(text);
    if (!this.#startsWithSpace) return whole(piece);
    const before = piece.startsWith('\n') ? '.' : '\n';
    const tokensBefore = whole(before);
    const tokens = whole(before + piece);
    return tokensBefore.every((token, index) => tokens[index] === token) ? tokens.slice(tokensBefore.length) : whole(piece);
  }
}

function* partsOf(text: string, from: number, names: RegExp | undefined): Generator<Part, void, void> {
  let at = from;
  if (names) {
    const pattern = new RegExp(names);
    pattern.lastIndex = from;
    for (let match = pattern.exec(text); match; match = pattern.exec(text)) {
      if (match.index > at) yield { text: text.slice(at, match.index), at, isToken: false };
      yield { text: match[0], at: match.index, isToken: true };
      at = match.index + match[0].length;
    }
  }
  if (at < text.length) yield { text: text.slice(at), at, isToken: false };
}
