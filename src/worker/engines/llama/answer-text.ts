/**
 * Turns the bytes of generated tokens into text that can be shown. A character may be spread over several tokens,
 * so its bytes wait until it is whole. Those of an incomplete character at the end are dropped.
 */
export class AnswerText {
  // A byte order mark is ordinary text here; by default TextDecoder would drop it.
  #decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  #trimSpace: boolean;

  /** @param trimSpace drop one space at the very start, which SentencePiece vocabularies put before every first word */
  constructor({ trimSpace = false } = {}) {
    this.#trimSpace = trimSpace;
  }

  push(bytes: Uint8Array): string {
    const text = this.#decoder.decode(bytes, { stream: true });
    if (!this.#trimSpace || text === '') return text;
    this.#trimSpace = false;
    return text.startsWith(' ') ? text.slice(1) : text;
  }
}
