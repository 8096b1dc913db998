import type { GenerationEvent } from '../engine.ts';

/**
 * Pieces of an answer on their way to one reader. A slow reader does not delay the engine: it gets the pieces of one kind that arrived
 * meanwhile as one.
 */
export class PieceQueue {
  #waiting: GenerationEvent[] = [];
  #end: { error: unknown } | 'end' | undefined;
  #wake: (() => void) | undefined;

  push(piece: GenerationEvent): void {
    const last = this.#waiting.at(-1);
    const joined = last && joinedPiece(last, piece);
    if (joined) this.#waiting[this.#waiting.length - 1] = joined;
    else this.#waiting.push(piece);
    this.#wake?.();
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

  async *read(): AsyncGenerator<GenerationEvent, void, void> {
    for (;;) {
      const piece = this.#waiting.shift();
      if (piece) {
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

function joinedPiece(last: GenerationEvent, next: GenerationEvent): GenerationEvent | undefined {
  // With probabilities, an event would become larger than another process accepts.
  if (last.kind === 'text' && last.logprobs) return undefined;
  if (last.kind === 'text' && next.kind === 'text') return { kind: 'text', text: last.text + next.text };
  if (last.kind === 'reasoning' && next.kind === 'reasoning') return { kind: 'reasoning', text: last.text + next.text };
  if (last.kind !== 'tool_arguments' || next.kind !== 'tool_arguments' || last.index !== next.index) return undefined;
  return { ...last, text: last.text + next.text };
}
