import { DONE } from '../../src/contract/index.ts';

export interface StreamEvent {
  seq: number;
  kind: string;
  json: string;
}

const EVENT = /^id: (\d+)\nevent: (\w+)\ndata: (\{.*\})$/;

/**
 * Splits a stream that arrives in pieces into its events, and accepts nothing that the protocol does not define. Written independently
 * of the product's reader, so that the two check each other.
 */
export class StreamText {
  #rest = '';
  /** The closing line has come. */
  isDone = false;

  /** @throws for anything but an event, a comment or the closing line, and for anything after that line */
  push(piece: string): StreamEvent[] {
    const blocks = (this.#rest + piece).split('\n\n');
    this.#rest = blocks.pop() ?? '';
    return blocks.flatMap((block) => this.#read(block));
  }

  #read(block: string): StreamEvent[] {
    if (this.isDone) throw new Error(`after the closing line came: ${block}`);
    if (block.startsWith(':')) return [];
    if (block === `data: ${DONE}`) {
      this.isDone = true;
      return [];
    }
    const match = EVENT.exec(block);
    if (match === null) throw new Error(`not an event: ${block}`);
    return [{ seq: Number(match[1]), kind: match[2] ?? '', json: match[3] ?? '' }];
  }
}
