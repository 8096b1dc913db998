import { quoted, type GbnfWriter } from '../schema/gbnf-writer.ts';
import { leavesOf } from '../schema/possible.ts';
import { type Leaf, type ObjectShape, type Shape } from '../schema/shape.ts';
import type { ParameterForm } from './call-form.ts';

const NAME = 'parameter-name';
/** A boolean and a null as JSON has them, or as Python does. */
const WORDS = { boolean: '"true" | "false" | "True" | "False"', null: '"null" | "None"' };

interface Options {
  shape: Shape;
  form: ParameterForm;
  /** What names of rules begin with. */
  rule: string;
}

/** A rule for arguments that are written one by one, in the order of the schema. */
export function parametersRule(writer: GbnfWriter, { shape, form, rule }: Options): string {
  const name = `${rule}-arguments`;
  const objects = leavesOf(shape).filter((leaf) => leaf.kind === 'object');
  const bodies = objects.map((object, index) => objectBody(writer, object, { form, rule: `${rule}-${String(index)}` }));
  writer.add(name, bodies.join(' | '));
  return name;
}

function objectBody(writer: GbnfWriter, { fields, entries }: ObjectShape, { form, rule }: Omit<Options, 'shape'>): string {
  const parts = fields.map(({ name, value, isRequired }, index) => {
    const field = `${rule}-${String(index)}`;
    writer.add(field, `${quoted(form.open + name)} ${valueBody(writer, value, form)}`);
    return isRequired ? field : `${field}?`;
  });
  if (entries && entries.most > 0) {
    const entry = `${rule}-other`;
    writer.add(NAME, '[a-zA-Z0-9_.-]{1,64}');
    const name = entries.names ? writer.plainText(entries.names) : NAME;
    writer.add(entry, `${quoted(form.open)} ${name} ${valueBody(writer, entries.value, form)}`);
    parts.push(writer.times(entry, entries.least, entries.most));
  }
  return parts.length === 0 ? '""' : parts.join(' ');
}

/** What is behind the name of an argument: marks and the value, as text up to the mark for strings. */
function valueBody(writer: GbnfWriter, shape: Shape, { middle, close }: ParameterForm): string {
  const strings: string[] = [];
  const others: string[] = [];
  for (const leaf of leavesOf(shape)) {
    if (leaf.kind === 'text' && leaf.least === 0 && leaf.most === Infinity) strings.push(textUpTo(writer, close));
    else if (leaf.kind === 'text' || (leaf.kind === 'automaton' && !leaf.isNumber))
      strings.push(`${writer.plainText(leaf)} ${quoted(close)}`);
    else if (leaf.kind === 'fixed') {
      const values = leaf.values.map((value): unknown => JSON.parse(value));
      strings.push(...values.flatMap((value) => (typeof value === 'string' ? quoted(value + close) : [])));
      others.push(...leaf.values.filter((value) => !value.startsWith('"')).map((value) => quoted(value + close)));
    } else others.push(`${otherRule(writer, leaf)} ${quoted(close)}`);
  }
  const written = [
    strings.length > 0 && `${quoted(middle.string)} (${strings.join(' | ')})`,
    others.length > 0 && `${quoted(middle.other)} (${others.join(' | ')})`,
  ];
  return `(${written.filter((part) => part !== false).join(' | ')})`;
}

function otherRule(writer: GbnfWriter, leaf: Leaf): string {
  if (leaf.kind !== 'boolean' && leaf.kind !== 'null') return writer.rule(leaf);
  writer.add(`${leaf.kind}-word`, WORDS[leaf.kind]);
  return `${leaf.kind}-word`;
}

/** Any text up to and with the first such mark: one rule for each number of its characters that are written (Knuth, Morris and Pratt). */
function textUpTo(writer: GbnfWriter, mark: string): string {
  const characters = [...mark];
  const rule = (length: number) => `up-to-${String(length)}`;
  const next = (length: number, character: string): number => {
    const seen = characters.slice(0, length).join('') + character;
    for (let start = 0; start < seen.length; start++)
      if (mark.startsWith(seen.slice(start))) return [...seen.slice(start)].length;
    return 0;
  };
  const known = [...new Set(characters)];
  for (let length = 0; length < characters.length; length++) {
    const steps = known
      .map((character) => ({ character, to: next(length, character) }))
      .filter(({ to }) => to > 0)
      .map(({ character, to }) => (to === characters.length ? quoted(character) : `${quoted(character)} ${rule(to)}`));
    const others = known.filter((character) => next(length, character) === 0);
    const back = others.map((character) => `${quoted(character)} ${rule(0)}`);
    writer.add(rule(length), [...steps, ...back, `[^${known.map(inClass).join('')}] ${rule(0)}`].join(' | '));
  }
  return rule(0);
}

function inClass(character: string): string {
  return /[0-9A-Za-z]/.test(character) ? character : `\\U${(character.codePointAt(0) ?? 0).toString(16).padStart(8, '0')}`;
}
