import fc from 'fast-check';
import { expect, test } from 'vitest';
import { StopScanner } from './stop-scanner.ts';

function scan(stops: string[], pieces: string[]): { text: string; stopped: boolean; shown: string[] } {
  const scanner = new StopScanner(stops);
  const shown: string[] = [];
  for (const piece of pieces) {
    const { text, stop } = scanner.push(piece);
    shown.push(text);
    if (stop !== undefined) return { text: shown.join(''), stopped: true, shown };
  }
  shown.push(scanner.flush());
  return { text: shown.join(''), stopped: false, shown };
}

/** The slow and obvious way: search again after every character. */
function model(stops: string[], text: string): { text: string; stopped: boolean } {
  for (let end = 1; end <= text.length; end++) {
    const starts = stops.filter((stop) => text.slice(0, end).endsWith(stop)).map((stop) => end - stop.length);
    if (starts.length > 0) return { text: text.slice(0, Math.min(...starts)), stopped: true };
  }
  return { text, stopped: false };
}

// Few letters, so that stop strings, their beginnings and their overlaps are common.
const letters = fc.string({ unit: fc.constantFrom('a', 'b', '\n', '🐝'), maxLength: 12 });
const stops = fc.array(
  letters.filter((stop) => stop.length > 0),
  { maxLength: 4 },
);

test('text is cut before the first stop string, however it is split into pieces', () => {
  fc.assert(
    fc.property(stops, fc.array(letters, { maxLength: 8 }), (stopStrings, pieces) => {
      const { text, stopped } = scan(stopStrings, pieces);
      expect({ text, stopped }).toEqual(model(stopStrings, pieces.join('')));
    }),
  );
});

test('no shown text is part of a later stop string, and no shown piece splits a character', () => {
  fc.assert(
    fc.property(stops, fc.array(letters, { maxLength: 8 }), (stopStrings, pieces) => {
      const { text, shown } = scan(stopStrings, pieces);
      expect(shown.join('')).toBe(text);
      expect(shown.every((piece) => Buffer.from(piece).toString() === piece)).toBe(true);
    }),
  );
});

test('no part of a stop string that arrives in three pieces is shown', () => {
  expect(scan(['\nUser:'], ['Hello', '\nUs', 'er', ': me'])).toMatchObject({ text: 'Hello', stopped: true });
});

test('the stop string that was found is named', () => {
  expect(new StopScanner(['c', 'bc']).push('abcd')).toEqual({ text: 'a', stop: 'bc' });
});

test('text that only began like a stop string is shown as soon as it cannot be one', () => {
  const scanner = new StopScanner(['\nUser:']);
  expect(scanner.push('Hello\nUse').text).toBe('Hello');
  expect(scanner.push('ful').text).toBe('\nUseful');
});

test('without stop strings everything is shown at once', () => {
  expect(new StopScanner([]).push('Hello')).toEqual({ text: 'Hello', stop: undefined });
});
