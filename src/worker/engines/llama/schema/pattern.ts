import {
  ALL,
  LAST_CHARACTER,
  TEXT_END,
  TEXT_START,
  complementOf,
  intersectionOf,
  unionOf,
  type Characters,
} from './characters.ts';
import { classesOf, matchesEmpty, type Language, type Languages } from './language.ts';
import { PatternFault } from './pattern-fault.ts';
import { parsePattern, type Pattern } from './pattern-syntax.ts';

/** States of one automaton: each becomes a rule of the grammar. */
const MOST_STATES = 2000;

/**
 * The texts that match a pattern as JSON Schema means it: anywhere in the text, unless it is anchored.
 *
 * @throws PatternFault
 */
export function languageOf(source: string, languages: Languages): Language {
  const { anything } = languages;
  return languages.sequence(anything, build(parsePattern(source), languages)(anything));
}

/** The language of texts of so many characters. */
export function lengthLanguage(languages: Languages, least: number, most: number): Language {
  const text = languages.repeat(languages.characters(ALL), least, most);
  return languages.sequence(languages.characters([[TEXT_START, TEXT_START]]), text, languages.characters([[TEXT_END, TEXT_END]]));
}

/** A pattern, before what follows it: that is what a look ahead restricts. */
function build(pattern: Pattern, languages: Languages): (rest: Language) => Language {
  const whole = (part: Pattern) => build(part, languages)(languages.emptyText);
  switch (pattern.kind) {
    case 'characters':
      return (rest) => languages.sequence(languages.characters(pattern.set), rest);
    case 'start':
      return (rest) => languages.sequence(languages.characters([[TEXT_START, TEXT_START]]), rest);
    case 'end':
      return (rest) => languages.sequence(languages.characters([[TEXT_END, TEXT_END]]), rest);
    case 'sequence':
      return (rest) => pattern.parts.reduceRight((after, part) => build(part, languages)(after), rest);
    case 'either':
      return (rest) => languages.either(...pattern.parts.map((part) => build(part, languages)(rest)));
    case 'repeat':
      if (pattern.least === 0 && pattern.most === 1)
        return (rest) => languages.either(rest, build(pattern.part, languages)(rest));
      if (looksAhead(pattern.part)) throw new PatternFault('looks ahead in a repeated part, which a grammar cannot do');
      return (rest) => languages.sequence(languages.repeat(whole(pattern.part), pattern.least, pattern.most), rest);
    case 'ahead': {
      const ahead = languages.sequence(whole(pattern.part), languages.anything);
      return (rest) => languages.both(pattern.isWanted ? ahead : languages.not(ahead), rest);
    }
  }
}

function looksAhead(pattern: Pattern): boolean {
  if (pattern.kind === 'ahead') return true;
  if (pattern.kind === 'repeat') return looksAhead(pattern.part);
  return (pattern.kind === 'sequence' || pattern.kind === 'either') && pattern.parts.some(looksAhead);
}

/** An automaton: the first state is where a text begins. */
export interface State {
  isEnd: boolean;
  steps: { set: Characters; to: number }[];
}

/** What a string of an answer may have in it: no control characters but these, and no halves of pairs. */
const WRITABLE: Characters = [
  [9, 10],
  [0x20, 0x7e],
  [0xa0, 0xd7ff],
  [0xe000, LAST_CHARACTER],
];

/**
 * The automaton of the texts that an answer can have and that are of the language, or undefined when there are none.
 *
 * @throws PatternFault
 */
export function automatonOf(language: Language, languages: Languages): State[] | undefined {
  return trimmed(explore(language, languages));
}

/**
 * The automaton of those of its texts that have so many characters.
 *
 * @throws PatternFault
 */
export function ofLength(states: readonly State[], least: number, most: number): State[] | undefined {
  if (least === 0 && most === Infinity) return [...states];
  // Beyond the lower limit, lengths make no difference unless there is an upper one.
  const highest = most === Infinity ? least : most;
  const places = new Map<string, { state: number; length: number; number: number }>();
  const placeOf = (state: number, length: number) => {
    const key = `${String(state)} ${String(length)}`;
    let place = places.get(key);
    if (!place) places.set(key, (place = { state, length, number: places.size }));
    if (places.size > MOST_STATES) throw new PatternFault('and its length are too complex for a grammar');
    return place.number;
  };
  placeOf(0, 0);
  const counted: State[] = [];
  for (const { state, length } of places.values()) {
    const { isEnd = false, steps = [] } = states[state] ?? {};
    const next = Math.min(length + 1, most === Infinity ? highest : length + 1);
    const open = next > highest ? [] : steps;
    counted.push({ isEnd: isEnd && length >= least, steps: open.map(({ set, to }) => ({ set, to: placeOf(to, next) })) });
  }
  return trimmed(counted);
}

/** @throws PatternFault */
export function isOf(text: string, language: Language, languages: Languages): boolean {
  const characters = [TEXT_START, ...[...text].map((character) => character.codePointAt(0) ?? 0), TEXT_END];
  return matchesEmpty(characters.reduce((rest, character) => languages.after(rest, character), language));
}

function explore(language: Language, languages: Languages): State[] {
  const classes = classesOf(language, WRITABLE);
  const places = new Map<Language, number>([[languages.after(language, TEXT_START), 0]]);
  const states: State[] = [];
  for (const [place] of places) {
    const sets = new Map<number, Characters[]>();
    for (const set of classes) {
      const next = languages.after(place, set[0]?.[0] ?? 0);
      if (next === languages.nothing) continue;
      const to = places.get(next) ?? places.size;
      places.set(next, to);
      if (to >= MOST_STATES) throw new PatternFault('is too complex for a grammar');
      sets.set(to, [...(sets.get(to) ?? []), set]);
    }
    const steps = [...sets].map(([to, all]) => ({ set: unionOf(...all), to }));
    states.push({ isEnd: matchesEmpty(languages.after(place, TEXT_END)), steps });
  }
  return states;
}

/** Without the states from which no text comes to its end: an answer would be stuck there. */
function trimmed(states: readonly State[]): State[] | undefined {
  const before = new Map<number, number[]>();
  for (const [from, { steps }] of states.entries()) for (const { to } of steps) before.set(to, [...(before.get(to) ?? []), from]);
  const alive = new Set<number>();
  const todo = [...states.keys()].filter((state) => states[state]?.isEnd);
  for (let state = todo.pop(); state !== undefined; state = todo.pop()) {
    if (alive.has(state)) continue;
    alive.add(state);
    todo.push(...(before.get(state) ?? []));
  }
  if (!alive.has(0)) return undefined;
  const numbers = new Map([...alive].sort((a, b) => a - b).map((state, number) => [state, number]));
  return [...numbers.keys()].map((state) => {
    const { isEnd = false, steps = [] } = states[state] ?? {};
    return { isEnd, steps: steps.flatMap(({ set, to }) => (numbers.has(to) ? [{ set, to: numbers.get(to) ?? 0 }] : [])) };
  });
}

/** The automaton of all texts but these. */
export function automatonExcept(texts: readonly string[]): State[] {
  const states: State[] = [
    { isEnd: true, steps: [{ set: WRITABLE, to: 0 }] },
    { isEnd: true, steps: [] },
  ];
  const children = new Map<string, number>();
  for (const text of texts) {
    let place = 1;
    for (const character of text) {
      const key = `${String(place)} ${character}`;
      let next = children.get(key);
      if (next === undefined) {
        next = states.push({ isEnd: true, steps: [] }) - 1;
        children.set(key, next);
        const code = character.codePointAt(0) ?? 0;
        states[place]?.steps.push({ set: intersectionOf([[code, code]], WRITABLE), to: next });
      }
      place = next;
    }
    const end = states[place];
    if (end) end.isEnd = false;
  }
  for (const state of states.slice(1)) {
    const others = intersectionOf(complementOf(unionOf(...state.steps.map(({ set }) => set))), WRITABLE);
    state.steps.push({ set: others, to: 0 });
  }
  const [free, ...named] = states;
  // A text begins in the first state.
  const moved = (to: number) => (to === 0 ? named.length : to - 1);
  return [...named, ...(free ? [free] : [])].map(({ isEnd, steps }) => ({
    isEnd,
    steps: steps.filter(({ set }) => set.length > 0).map(({ set, to }) => ({ set, to: moved(to) })),
  }));
}
