/** A set of code points, as ranges in ascending order that neither overlap nor touch. */
export type Characters = readonly (readonly [first: number, last: number])[];

export const LAST_CHARACTER = 0x10_ffff;

/** The beginning and the end of a text, as characters of their own: `^` and `$` stand for them. */
export const TEXT_START = LAST_CHARACTER + 1;
export const TEXT_END = LAST_CHARACTER + 2;

export const ALL: Characters = [[0, LAST_CHARACTER]];

export function charactersOf(ranges: Iterable<readonly [number, number]>): Characters {
  const sorted = [...ranges].filter(([first, last]) => first <= last).sort((a, b) => a[0] - b[0]);
  const merged: [number, number][] = [];
  for (const [first, last] of sorted) {
    const before = merged.at(-1);
    if (before && first <= before[1] + 1) before[1] = Math.max(before[1], last);
    else merged.push([first, last]);
  }
  return merged;
}

export function unionOf(...sets: readonly Characters[]): Characters {
  return charactersOf(sets.flat());
}

/** All characters outside of the set; the marks of start and end are in no complement. */
export function complementOf(set: Characters): Characters {
  const rest: [number, number][] = [];
  let next = 0;
  for (const [first, last] of set) {
    if (first > next) rest.push([next, first - 1]);
    next = last + 1;
  }
  if (next <= LAST_CHARACTER) rest.push([next, LAST_CHARACTER]);
  return rest;
}

export function intersectionOf(a: Characters, b: Characters): Characters {
  const common: [number, number][] = [];
  for (let [i, j] = [0, 0]; i < a.length && j < b.length;) {
    const [x, y] = [a[i], b[j]];
    if (!x || !y) break;
    const [first, last] = [Math.max(x[0], y[0]), Math.min(x[1], y[1])];
    if (first <= last) common.push([first, last]);
    if (x[1] < y[1]) i++;
    else j++;
  }
  return common;
}

export function has(set: Characters, character: number): boolean {
  return set.some(([first, last]) => first <= character && character <= last);
}
