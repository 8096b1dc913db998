const QUOTES = '"""';

/**
 * Makes messages of lines: a line is a message, unless it ends with a backslash, stands between lines of three quotes, or was pasted with a
 * line break.
 */
export class LineReader {
  #lines: string[] = [];
  #isQuoted = false;

  /** Whether a message has begun that is not complete. */
  get isOpen(): boolean {
    return this.#isQuoted || this.#lines.length > 0;
  }

  /**
   * @param isPasted whether the line break came from a paste, and so does not end the message
   * @returns the message that the line completes
   */
  push(line: string, isPasted = false): string | undefined {
    if (this.#isQuoted) return this.#quoted(line);
    if (!this.isOpen && line.trimStart().startsWith(QUOTES)) {
      this.#isQuoted = true;
      return this.#quoted(line.trimStart().slice(QUOTES.length), true);
    }
    if (isPasted) return this.#add(line);
    if (line.endsWith('\\')) return this.#add(line.slice(0, -1));
    this.#add(line);
    return this.take();
  }

  /** What has begun, complete or not; undefined for nothing but space. */
  take(): string | undefined {
    const text = this.#lines.join('\n');
    this.drop();
    return text.trim() === '' ? undefined : text;
  }

  drop(): void {
    this.#lines = [];
    this.#isQuoted = false;
  }

  /** @param isFirst whether it is the rest of the line that opened the quotes: empty, it is no line of the message */
  #quoted(line: string, isFirst = false): string | undefined {
    const end = line.trimEnd();
    if (!end.endsWith(QUOTES)) return isFirst && line === '' ? undefined : this.#add(line);
    const last = end.slice(0, -QUOTES.length);
    if (last !== '') this.#add(last);
    return this.take();
  }

  #add(line: string): undefined {
    this.#lines.push(line);
  }
}
