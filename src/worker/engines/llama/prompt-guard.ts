import type { Conversation } from './template/conversation.ts';
import { anyOf } from './token-texts.ts';

/** Characters of which one marks what stays text; one that the conversation does not have. They have no meaning in Unicode. */
const [FIRST_MARK, LAST_MARK] = [0xe000, 0xf8ff];

export interface Guarded {
  conversation: Conversation;
  /** What to remove from the prompt; undefined where nothing had to be marked. */
  mark: string | undefined;
}

/**
 * Keeps the text of callers from becoming control tokens. The template gets the real text, so that what it looks for and cuts off is
 * there; only where a caller writes the name of a control token, or a part of one at an edge, a mark breaks it. No name of a token
 * matches across a mark, and before tokenizing the marks are removed.
 */
export class PromptGuard {
  #names: RegExp | undefined;
  #prefixes: ReadonlySet<string>;
  #suffixes: ReadonlySet<string>;
  #longest: number;

  /** @param names texts of the control tokens */
  constructor(names: readonly string[]) {
    this.#names = anyOf(names);
    this.#longest = names.reduce((longest, name) => Math.max(longest, name.length), 0);
    const parts = (cut: (name: string, at: number) => string) =>
      new Set(names.flatMap((name) => Array.from({ length: name.length - 1 }, (_, index) => cut(name, index + 1))));
    this.#prefixes = parts((name, at) => name.slice(0, at));
    // Of one character only, it would be the start of any quotation.
    this.#suffixes = new Set([...parts((name, at) => name.slice(at))].filter((part) => part.length > 1));
  }

  guard(conversation: Conversation): Guarded {
    if (this.#names === undefined || !this.#isAnywhere(conversation)) return { conversation, mark: undefined };
    const mark = unused(JSON.stringify(conversation));
    return { conversation: this.#marked(conversation, mark) as Conversation, mark };
  }

  #isAnywhere(value: unknown): boolean {
    if (typeof value === 'string') return this.#isIn(value);
    if (typeof value !== 'object' || value === null) return false;
    if (Array.isArray(value)) return value.some((item) => this.#isAnywhere(item));
    return Object.entries(value).some(([key, item]) => this.#isIn(key) || this.#isAnywhere(item));
  }

  #isIn(text: string): boolean {
    if (this.#names) this.#names.lastIndex = 0;
    return this.#names?.test(text) === true || this.#endLength(text) > 0 || this.#startLength(text) > 0;
  }

  #marked(value: unknown, mark: string): unknown {
    if (typeof value === 'string') return this.#markedText(value, mark);
    if (typeof value !== 'object' || value === null) return value;
    if (Array.isArray(value)) return value.map((item) => this.#marked(item, mark));
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [this.#markedText(key, mark), this.#marked(item, mark)]),
    );
  }

  #markedText(text: string, mark: string): string {
    if (!this.#isIn(text)) return text;
    const start = this.#startLength(text) > 0 ? mark : '';
    const end = this.#endLength(text) > 0 ? mark : '';
    // After each of its characters: what is left of it must not be a name either.
    const whole = this.#names ? text.replace(this.#names, (name) => [...name].join(mark)) : text;
    return start + whole + end;
  }

  /** The length of the longest end of a text with which a name begins. */
  #endLength(text: string): number {
    for (let length = Math.min(this.#longest, text.length); length > 0; length--)
      if (this.#prefixes.has(text.slice(-length))) return length;
    return 0;
  }

  #startLength(text: string): number {
    for (let length = Math.min(this.#longest, text.length); length > 1; length--)
      if (this.#suffixes.has(text.slice(0, length))) return length;
    return 0;
  }
}

function unused(text: string): string {
  for (let code = FIRST_MARK; code < LAST_MARK; code++) {
    const character = String.fromCharCode(code);
    if (!text.includes(character)) return character;
  }
  return String.fromCharCode(LAST_MARK);
}
