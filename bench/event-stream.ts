/** Removes HTTP's chunked framing from a body that arrives in pieces. */
export class ChunkedBody {
  #rest = '';
  #left = 0;

  /** @returns the part of the body in this piece */
  push(piece: string): string {
    const text = this.#rest + piece;
    let body = '';
    let at = 0;
    for (;;) {
      if (this.#left > 0) {
        const part = text.slice(at, at + this.#left);
        body += part;
        at += part.length;
        this.#left -= part.length;
        if (this.#left > 0) break;
      }
      const end = text.indexOf('\r\n', at);
      if (end < 0) break;
      // Empty between the end of a chunk and the size of the next.
      if (end > at) this.#left = parseInt(text.slice(at, end), 16);
      at = end + 2;
    }
    this.#rest = text.slice(at);
    return body;
  }
}

export interface WireEvent {
  seq: number;
  kind: string;
  /** The token's text, or the whole JSON of another event. */
  text: string;
}

const EVENT = /^id: (\d+)\nevent: (\w+)\ndata: (?:\{"text":"(\d+)"\}|(.*))$/s;

/** Splits a body that arrives in pieces into events. Skips comments and the closing line. */
export class EventCutter {
  #rest = '';

  push(piece: string): WireEvent[] {
    const blocks = (this.#rest + piece).split('\n\n');
    this.#rest = blocks.pop() ?? '';
    const events: WireEvent[] = [];
    for (const block of blocks) {
      const match = EVENT.exec(block);
      if (match !== null) events.push({ seq: Number(match[1]), kind: match[2] ?? '', text: match[3] ?? match[4] ?? '' });
      else if (!block.startsWith(':') && block !== 'data: [DONE]') throw new Error(`not an event: ${block}`);
    }
    return events;
  }
}
