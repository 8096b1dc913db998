/** Finds where a JSON object or list ends in a text that comes in pieces. */
export class JsonText {
  #depth = 0;
  #isInString = false;
  #isEscaped = false;

  get hasBegun(): boolean {
    return this.#depth > 0;
  }

  /** How much of the text belongs to it, up to its last character or to the end of the text. */
  read(text: string): { length: number; isWhole: boolean } {
    for (let at = 0; at < text.length; at++) if (this.#isLast(text.charAt(at))) return { length: at + 1, isWhole: true };
    return { length: text.length, isWhole: false };
  }

  #isLast(character: string): boolean {
    if (this.#isInString) {
      if (this.#isEscaped) this.#isEscaped = false;
      else if (character === '\\') this.#isEscaped = true;
      else if (character === '"') this.#isInString = false;
      return false;
    }
    if (character === '"') this.#isInString = true;
    else if (character === '{' || character === '[') this.#depth++;
    else if (character === '}' || character === ']') return --this.#depth === 0;
    return false;
  }
}
