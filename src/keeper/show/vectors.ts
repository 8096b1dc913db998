import type { OutputOf } from '../../contract/index.ts';
import type { KnownInput } from '../shown.ts';
import type { Look } from './look.ts';
import { table } from './table.ts';
import { oneLine } from './width.ts';

/** A vector as JSON, on one line: 7 digits are all that a 32-bit float has. */
export function vectorText(base64: string): string {
  const bytes = Buffer.from(base64, 'base64');
  const numbers = Array.from({ length: bytes.length / Float32Array.BYTES_PER_ELEMENT }, (_, index) =>
    Number(bytes.readFloatLE(index * Float32Array.BYTES_PER_ELEMENT).toPrecision(7)),
  );
  return JSON.stringify(numbers);
}

export function rankingText(results: OutputOf<'rerank'>['results'], input: KnownInput, look: Look): string {
  const documents = Array.isArray(input['documents']) ? (input['documents'] as string[]) : [];
  return table(
    results,
    [
      { title: 'SCORE', cell: ({ relevance_score }) => relevance_score.toFixed(3), align: 'right' },
      { title: 'DOCUMENT', cell: ({ index }) => oneLine(documents[index] ?? `document ${index}`), narrow: 'cut' },
    ],
    look,
  );
}
