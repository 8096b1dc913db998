import * as fs from 'node:fs';
import { ANSWER_LIMITS, READ_CHUNK_BYTES } from '../limits.ts';

const NEWLINE = 0x0a;
/** Longer than any event. A longer line is damaged, and is not read into memory. */
export const LINE_LIMIT_BYTES = ANSWER_LIMITS.queen.resultChars;

export function tooLong(): RangeError {
  return new RangeError(`a line of more than ${LINE_LIMIT_BYTES} bytes`);
}

/**
 * The whole lines of a file, the last one first. A half-written line after the last line break is left out.
 * @param end where the last whole line ends, from `endOfLastLine`
 */
export function* linesBackwards(descriptor: number, end: number): Generator<string, void, void> {
  // Joined once a line is complete: one result may be hundreds of blocks long.
  let rest: Buffer[] = [];
  for (let offset = end; offset > 0;) {
    const size = Math.min(READ_CHUNK_BYTES, offset);
    offset -= size;
    const block = readAt(descriptor, offset, size);
    const begin = offset === 0 ? 0 : block.indexOf(NEWLINE) + 1;
    // Less than a line: it starts in an earlier block.
    if (begin === 0 && offset > 0) {
      rest.unshift(block);
      if (rest.length * READ_CHUNK_BYTES > LINE_LIMIT_BYTES) throw tooLong();
      continue;
    }
    const text = Buffer.concat([block.subarray(begin), ...rest]).toString();
    rest = [block.subarray(0, begin)];
    yield* text.split('\n').slice(0, -1).reverse();
  }
}

/** Offset after the last line break; 0 where there is none. */
export function endOfLastLine(descriptor: number): number {
  for (let end = fs.fstatSync(descriptor).size; end > 0;) {
    const size = Math.min(READ_CHUNK_BYTES, end);
    const at = readAt(descriptor, end - size, size).lastIndexOf(NEWLINE);
    if (at >= 0) return end - size + at + 1;
    end -= size;
  }
  return 0;
}

function readAt(descriptor: number, offset: number, size: number): Buffer {
  const buffer = Buffer.allocUnsafe(size);
  return buffer.subarray(0, fs.readSync(descriptor, buffer, 0, size, offset));
}
