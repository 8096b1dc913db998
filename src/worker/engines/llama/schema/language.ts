import { ALL, TEXT_END, TEXT_START, charactersOf, has, unionOf, type Characters } from './characters.ts';
import { PatternFault } from './pattern-fault.ts';

/**
 * A set of texts, as a regular expression with intersection and complement. Equal expressions are one object, so that the expressions
 * that are left after each character (Brzozowski's derivatives) become the states of an automaton.
 */
export type Language =
  | { id: number; kind: 'characters'; set: Characters }
  | { id: number; kind: 'empty text' }
  | { id: number; kind: 'sequence'; first: Language; rest: Language }
  | { id: number; kind: 'either' | 'both'; parts: readonly Language[] }
  | { id: number; kind: 'not'; part: Language }
  | { id: number; kind: 'repeat'; part: Language; least: number; most: number };

type Made = Language extends infer L ? (L extends Language ? Omit<L, 'id'> : never) : never;

/** Makes the expressions of one schema. Its work is bounded: beyond that, every method throws a PatternFault. */
export class Languages {
  readonly nothing: Language;
  readonly emptyText: Language;
  /** Any text, the marks of its start and end included. */
  readonly anything: Language;
  #known = new Map<string, Language>();
  #derivatives = new Map<Language, Map<number, Language>>();
  #steps = 0;
  #mostSteps: number;

  constructor(mostSteps: number) {
    this.#mostSteps = mostSteps;
    this.nothing = this.characters([]);
    this.emptyText = this.#make('', { kind: 'empty text' });
    this.anything = this.repeat(this.characters(unionOf(ALL, [[TEXT_START, TEXT_END]])), 0, Infinity);
  }

  characters(set: Characters): Language {
    return this.#make(set.map((range) => range.join('-')).join(), { kind: 'characters', set });
  }

  text(text: string): Language {
    const characters = [...text].map((character) => character.codePointAt(0) ?? 0);
    return this.sequence(...characters.map((character) => this.characters([[character, character]])));
  }

  sequence(...parts: readonly Language[]): Language {
    return parts.reduceRight((rest, first) => this.#then(first, rest), this.emptyText);
  }

  either(...parts: readonly Language[]): Language {
    const all = flat('either', parts);
    if (all.includes(this.anything)) return this.anything;
    const sets = all.filter((part) => part.kind === 'characters').map(({ set }) => set);
    const others = all.filter((part) => part.kind !== 'characters');
    const set = this.characters(unionOf(...sets));
    return this.#joined('either', set === this.nothing ? others : [...others, set], this.nothing);
  }

  both(...parts: readonly Language[]): Language {
    const all = flat('both', parts).filter((part) => part !== this.anything);
    return all.includes(this.nothing) ? this.nothing : this.#joined('both', all, this.anything);
  }

  not(part: Language): Language {
    if (part.kind === 'not') return part.part;
    if (part === this.nothing) return this.anything;
    return part === this.anything ? this.nothing : this.#make(String(part.id), { kind: 'not', part });
  }

  repeat(part: Language, least: number, most: number): Language {
    if (most === 0 || part === this.emptyText) return this.emptyText;
    if (part === this.nothing) return least === 0 ? this.emptyText : this.nothing;
    if (least === 1 && most === 1) return part;
    const needed = matchesEmpty(part) ? 0 : least;
    return this.#make(`${String(part.id)} ${String(needed)} ${String(most)}`, { kind: 'repeat', part, least: needed, most });
  }

  /** What may follow the character. */
  after(language: Language, character: number): Language {
    let known = this.#derivatives.get(language);
    if (!known) this.#derivatives.set(language, (known = new Map<number, Language>()));
    let rest = known.get(character);
    if (!rest) known.set(character, (rest = this.#derive(language, character)));
    return rest;
  }

  #derive(language: Language, character: number): Language {
    if (++this.#steps > this.#mostSteps) throw new PatternFault('is too complex for a grammar');
    switch (language.kind) {
      case 'empty text':
        return this.nothing;
      case 'characters':
        return has(language.set, character) ? this.emptyText : this.nothing;
      case 'sequence': {
        const here = this.#then(this.after(language.first, character), language.rest);
        return matchesEmpty(language.first) ? this.either(here, this.after(language.rest, character)) : here;
      }
      case 'either':
        return this.either(...language.parts.map((part) => this.after(part, character)));
      case 'both':
        return this.both(...language.parts.map((part) => this.after(part, character)));
      case 'not':
        return this.not(this.after(language.part, character));
      case 'repeat': {
        const { part, least, most } = language;
        return this.#then(this.after(part, character), this.repeat(part, Math.max(0, least - 1), most - 1));
      }
    }
  }

  #then(first: Language, rest: Language): Language {
    if (first === this.nothing || rest === this.nothing) return this.nothing;
    if (first === this.emptyText) return rest;
    if (rest === this.emptyText) return first;
    if (first.kind === 'sequence') return this.#then(first.first, this.#then(first.rest, rest));
    return this.#make(`${String(first.id)} ${String(rest.id)}`, { kind: 'sequence', first, rest });
  }

  #joined(kind: 'either' | 'both', parts: readonly Language[], none: Language): Language {
    const unique = [...new Set(parts)].sort((a, b) => a.id - b.id);
    const [only, ...others] = unique;
    if (only === undefined) return none;
    return others.length === 0 ? only : this.#make(unique.map(({ id }) => id).join(), { kind, parts: unique });
  }

  #make(key: string, made: Made): Language {
    const whole = `${made.kind} ${key}`;
    const known = this.#known.get(whole);
    if (known) return known;
    if (this.#known.size > this.#mostSteps) throw new PatternFault('is too complex for a grammar');
    const language = { ...made, id: this.#known.size };
    this.#known.set(whole, language);
    return language;
  }
}

export function matchesEmpty(language: Language): boolean {
  switch (language.kind) {
    case 'empty text':
      return true;
    case 'characters':
      return false;
    case 'sequence':
      return matchesEmpty(language.first) && matchesEmpty(language.rest);
    case 'either':
      return language.parts.some(matchesEmpty);
    case 'both':
      return language.parts.every(matchesEmpty);
    case 'not':
      return !matchesEmpty(language.part);
    case 'repeat':
      return language.least === 0;
  }
}

/** Groups of characters that the language treats alike everywhere. */
export function classesOf(language: Language, within: Characters): Characters[] {
  const sets = new Set<Characters>();
  const seen = new Set<Language>();
  const todo = [language];
  for (let part = todo.pop(); part !== undefined; part = todo.pop()) {
    if (seen.has(part)) continue;
    seen.add(part);
    if (part.kind === 'characters') sets.add(part.set);
    else if (part.kind === 'either' || part.kind === 'both') todo.push(...part.parts);
    else if (part.kind === 'not' || part.kind === 'repeat') todo.push(part.part);
    else if (part.kind === 'sequence') todo.push(part.first, part.rest);
  }
  const known = [...sets, within];
  const borders = new Set([0, ...known.flatMap((set) => set.flatMap(([first, last]) => [first, last + 1]))]);
  const starts = [...borders].sort((a, b) => a - b);
  const classes = new Map<string, [number, number][]>();
  for (const [index, start] of starts.entries()) {
    if (!has(within, start)) continue;
    const members = known.map((set) => (has(set, start) ? '1' : '0')).join('');
    const ranges = classes.get(members) ?? [];
    ranges.push([start, (starts[index + 1] ?? start + 1) - 1]);
    classes.set(members, ranges);
  }
  return [...classes.values()].map(charactersOf);
}

function flat(kind: 'either' | 'both', parts: readonly Language[]): Language[] {
  return parts.flatMap((part) => (part.kind === kind ? part.parts : [part]));
}
