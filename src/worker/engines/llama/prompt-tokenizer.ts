import type { BuiltinSpecialTokenValue, LlamaModel, LlamaTextJSON, Token } from 'node-llama-cpp';
import { partsOf, piecesOf } from './text-pieces.ts';
import { Turns } from './turns.ts';
import { textsOfTokens, vocabularyOf } from './vocabulary.ts';

/** The longest time for which one request blocks the others. A piece of text takes about a tenth of it. */
const SLICE_MS = 5;

const LONGEST_KNOWN = 120;
const MOST_KNOWN = 500;

export interface TokenLimit {
  signal: AbortSignal;
  /** The rest of a text with more tokens is not tokenized. */
  mostTokens: number;
}

/** The text of a part of a prompt, and whether the names of control tokens in it become control tokens. */
interface Part {
  text: string;
  isTemplate: boolean;
}

/**
 * Turns text into tokens, in this one thread, which serves every stream of the worker: piece by piece, with a turn for the others
 * after every few milliseconds.
 */
export class PromptTokenizer {
  #model: LlamaModel;
  #startsWithSpace: boolean;
  #ownTokens: { anywhere: RegExp | undefined; inTemplate: RegExp | undefined };
  #known = new Map<string, readonly Token[]>();
  #turns = new Turns();

  constructor(model: LlamaModel) {
    this.#model = model;
    this.#startsWithSpace = vocabularyOf(model).startsWithSpace;
    const { anywhere, inTemplate } = textsOfTokens(model);
    this.#ownTokens = { anywhere: anyOf(anywhere), inTemplate: anyOf(inTemplate) };
  }

  /**
   * Begins with the token that begins every text, where the header asks for one and the template did not write it: as llama.cpp
   * does. A text of more than `mostTokens` gives about as many.
   */
  async tokenize(text: LlamaTextJSON, { signal, mostTokens }: TokenLimit): Promise<Token[]> {
    const tokens: Token[] = [];
    let sliceEnd = 0;
    for (const piece of this.#pieces(typeof text === 'string' ? [text] : text)) {
      if (performance.now() >= sliceEnd) {
        await this.#turns.take();
        signal.throwIfAborted();
        sliceEnd = performance.now() + SLICE_MS;
      }
      for (const token of piece()) tokens.push(token);
      if (tokens.length > mostTokens) break;
    }
    const { bos, shouldPrependBosToken } = this.#model.tokens;
    if (shouldPrependBosToken && bos !== null && tokens[0] !== bos) tokens.unshift(bos);
    return tokens;
  }

  /** Each tokenizes one piece. */
  *#pieces(parts: Exclude<LlamaTextJSON, string>): Generator<() => readonly Token[], void, void> {
    const model = this.#model;
    let isFirst = true;
    for (const part of parts) {
      if (typeof part !== 'string' && part.type === 'specialToken')
        yield () => model.tokenize(part.value as BuiltinSpecialTokenValue, 'builtin');
      else yield* this.#piecesOfPart(partOf(part), isFirst);
      isFirst = false;
    }
  }

  *#piecesOfPart({ text, isTemplate }: Part, isFirst: boolean): Generator<() => readonly Token[], void, void> {
    const model = this.#model;
    let isBeginning = true;
    for (const unit of partsOf(text, isTemplate ? this.#ownTokens.inTemplate : this.#ownTokens.anywhere)) {
      for (const piece of piecesOf(unit)) {
        // Text that continues the part before it gets no leading space. That is the library's rule, also for its plain text.
        const isAlone = isFirst && isBeginning && isTemplate;
        const whole = () => model.tokenize(piece, isTemplate, isAlone ? undefined : 'trimLeadingSpace');
        const tokens = isBeginning ? whole : () => this.#continued(piece, isTemplate);
        const key = `${String(isTemplate)} ${String(isBeginning)} ${String(isAlone)} ${piece}`;
        yield () => this.#knownOr(key, tokens);
        isBeginning = false;
      }
    }
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
  #continued(piece: string, isTemplate: boolean): Token[] {
    const whole = (text: string) => this.#model.tokenize(text, isTemplate);
    if (!this.#startsWithSpace) return whole(piece);
    const before = piece.startsWith('\n') ? '.' : '\n';
    const tokensBefore = whole(before);
    const tokens = whole(before + piece);
    return tokensBefore.every((token, index) => tokens[index] === token) ? tokens.slice(tokensBefore.length) : whole(piece);
  }
}

function partOf(part: string | { value: string }): Part {
  return typeof part === 'string' ? { text: part, isTemplate: false } : { text: part.value, isTemplate: true };
}

/** Compares the first character before it tries up to a thousand texts in turn. */
function anyOf(texts: readonly string[]): RegExp | undefined {
  if (texts.length === 0) return undefined;
  const firsts = [...new Set(texts.map((text) => String.fromCodePoint(text.codePointAt(0) ?? 0)))];
  return new RegExp(`(?=${firsts.map(escaped).join('|')})(?:${texts.map(escaped).join('|')})`, 'gu');
}

function escaped(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\/]/g, String.raw`\$&`);
}
