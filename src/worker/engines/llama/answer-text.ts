import { StopScanner, type ScannedText } from './stop-scanner.ts';

/**
 * Turns the bytes of generated tokens into text that can be shown. A character may be spread over several tokens,
 * so its bytes wait until it is whole; stop strings are looked for in whole characters.
 */
export class AnswerText {
  // A byte order mark is ordinary text here; by default TextDecoder would drop it.
  #decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  #scanner: StopScanner;
  #trimSpace: boolean;

  /** @param trimSpace drop one space at the very start, which SentencePiece vocabularies put before every first word */
  constructor(stop: readonly string[], { trimSpace = false } = {}) {
    this.#scanner = new StopScanner(stop);
    this.#trimSpace = trimSpace;
  }

  push(bytes: Uint8Array): ScannedText {
    let text = this.#decoder.decode(bytes, { stream: true });
    if (this.#trimSpace && text !== '') {
      this.#trimSpace = false;
      if (text.startsWith(' ')) text = text.slice(1);
    }
    return this.#scanner.push(text);
  }

  /** The end of an answer without a stop string. The bytes of an incomplete character are dropped. */
  end(): string {
    return this.#scanner.flush();
  }
}
