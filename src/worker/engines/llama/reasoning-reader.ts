import { beginningHeldBack } from './stop-scanner.ts';

/** What begins and ends the reasoning in an answer. */
export interface ReasoningForm {
  open: string;
  close: string;
  /** True when the prompt ends inside of it. */
  startsOpen: boolean;
  /** Texts that end it without being part of it: the beginnings of calls. */
  breaks?: readonly string[];
}

export interface ReadPiece {
  kind: 'text' | 'reasoning';
  text: string;
}

/**
 * Splits an answer into its reasoning and the rest. Reasoning comes first in an answer: a tag further on is text like any other. Half a
 * tag is held back, and so is white space that may belong to one. How the text is split into pushes makes no difference.
 */
export class ReasoningReader {
  #form: ReasoningForm;
  #state: 'before' | 'open' | 'after' | 'text';
  #held = '';
  #hasBegun = false;
  #surplus = 0;

  constructor(form: ReasoningForm) {
    this.#form = { ...form, open: form.open.trim(), close: form.close.trim() };
    this.#state = form.startsOpen ? 'open' : 'before';
  }

  get isOpen(): boolean {
    return this.#state === 'open';
  }

  /** True as long as reasoning may still begin. */
  get isBefore(): boolean {
    return this.#state === 'before';
  }

  /** How much of the last push came after the closing tag. */
  get surplus(): number {
    return this.#surplus;
  }

  push(text: string): ReadPiece[] {
    const pieces: ReadPiece[] = [];
    this.#held += text;
    for (let state: string | undefined; state !== this.#state;) {
      state = this.#state;
      pieces.push(...this.#read());
    }
    return pieces.filter((piece) => piece.text !== '');
  }

  /** The end of the answer. */
  end(): ReadPiece[] {
    const text = this.#held;
    this.#held = '';
    if (this.#state === 'open')
      return [{ kind: 'reasoning' as const, text: text.trimEnd() }].filter((piece) => piece.text !== '');
    return this.#state === 'after' || text === '' ? [] : [{ kind: 'text', text }];
  }

  /** The reasoning ends here, by another tag than its own. */
  close(): ReadPiece[] {
    if (this.#state !== 'open') return [];
    const pieces = this.end();
    this.#state = 'after';
    return pieces;
  }

  #read(): ReadPiece[] {
    switch (this.#state) {
      case 'before':
        return this.#before();
      case 'open':
        return this.#open();
      case 'after': {
        this.#held = this.#held.trimStart();
        if (this.#held === '') return [];
        this.#state = 'text';
        return [];
      }
      case 'text':
        return [{ kind: 'text', text: this.#take(this.#held.length) }];
    }
  }

  /** White space and the opening tag, or the answer's own text. */
  #before(): ReadPiece[] {
    const begun = this.#held.trimStart();
    const { open } = this.#form;
    if (begun.startsWith(open)) {
      this.#held = begun.slice(open.length);
      this.#state = 'open';
    } else if (!open.startsWith(begun)) this.#state = 'text';
    return [];
  }

  #open(): ReadPiece[] {
    const { close } = this.#form;
    if (!this.#hasBegun) this.#held = this.#held.trimStart();
    if (this.#held === '') return [];
    this.#hasBegun = true;
    const { breaks = [] } = this.#form;
    const ends = [close, ...breaks].map((mark) => ({ mark, at: this.#held.indexOf(mark) })).filter(({ at }) => at >= 0);
    const [end] = ends.sort((a, b) => a.at - b.at);
    if (end) {
      const text = this.#take(end.at).trimEnd();
      if (end.mark === close) this.#held = this.#held.slice(close.length);
      this.#surplus = this.#held.length;
      this.#state = end.mark === close ? 'after' : 'text';
      return [{ kind: 'reasoning', text }];
    }
    const heldBack = beginningHeldBack(this.#held, [close, ...breaks]);
    const shown = this.#held.slice(0, this.#held.length - heldBack).trimEnd();
    return [{ kind: 'reasoning', text: this.#take(shown.length) }];
  }

  #take(length: number): string {
    const text = this.#held.slice(0, length);
    this.#held = this.#held.slice(length);
    return text;
  }
}
