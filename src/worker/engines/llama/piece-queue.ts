/**
 * Pieces of an answer on their way to one reader. A slow reader does not delay the engine: it gets the pieces that arrived meanwhile as one.
 */
export class PieceQueue {
  #waiting = '';
  #end: { error: unknown } | 'end' | undefined;
  #wake: (() => void) | undefined;

  push(piece: string): void {
    this.#waiting += piece;
    if (piece !== '') this.#wake?.();
  }

  end(): void {
    this.#end ??= 'end';
    this.#wake?.();
  }

  /** The reader gets the earlier pieces, then the error. */
  fail(error: unknown): void {
    this.#end ??= { error };
    this.#wake?.();
  }

  async *read(): AsyncGenerator<string, void, void> {
    for (;;) {
      if (this.#waiting !== '') {
        const piece = this.#waiting;
        this.#waiting = '';
        yield piece;
      } else if (this.#end === 'end') {
        return;
      } else if (this.#end) {
        throw this.#end.error;
      } else {
        await new Promise<void>((resolve) => (this.#wake = resolve));
      }
    }
  }
}
