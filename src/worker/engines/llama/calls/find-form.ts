import { ID, INDEX } from './form-text.ts';
import type { CallForm, ParameterForm } from './call-form.ts';

/** Conversations as a template renders them: to find out how it writes calls. */
export interface RenderedCalls {
  /** Up to where an answer begins. */
  prompt: string;
  /** With an answer that is this text and nothing else. */
  answered: string;
  answer: string;
  /** With an answer that calls the first tool, and with one that calls both. */
  one: string;
  two: string;
  /** With an answer that calls the first tool with a number and a `true` too. */
  more: string;
  /** With an answer that calls the first tool with a text of several lines. */
  lines: string;
  /** What is around reasoning, which a template may write before a call. */
  reasoning?: { open: string; close: string } | undefined;
}

export interface ProbeCall {
  name: string;
  id: string;
  key: string;
  value: string;
}

/** The further arguments of a call with more than one. */
export interface ProbeMore {
  number: { key: string; value: string };
  flag: string;
  /** A value of several lines, in which there is a `<`. */
  lines: string;
}

const MARKER = /^\s*(?:<[^<>\s]+>|\[[A-Z_]+\]|<\|[^|]+\|>|<\w+[ =])/;

/** The form of the calls in these texts; undefined where arguments are neither a JSON object after the name nor marked one by one. */
export function callFormOf(
  texts: RenderedCalls,
  calls: readonly [ProbeCall, ProbeCall],
  further: ProbeMore,
): CallForm | undefined {
  const [one, two, more] = [texts.one, texts.two, texts.more].map((text) => bodyOf(text, texts));
  if (one === undefined) return undefined;
  const form = jsonForm(one, two, calls) ?? parameterForm({ one, two, more, lines: bodyOf(texts.lines, texts) }, calls, further);
  // The end of the turn may be written otherwise behind a call.
  return form && { ...form, after: withoutEnd(form.after, texts.answered.slice(texts.answered.lastIndexOf(texts.answer))) };
}

function withoutEnd(after: string, end: string): string {
  return after.slice(0, after.length - sharedMark(after, end.trimEnd()).length);
}

/** The last mark, if both end with it. */
function sharedMark(one: string, other: string): string {
  const mark = /<[^<>]*>$/.exec(other)?.[0] ?? '';
  return one.endsWith(mark) ? mark : '';
}

function jsonForm(one: string, two: string | undefined, calls: readonly [ProbeCall, ProbeCall]): CallForm | undefined {
  const wanted = (list: readonly ProbeCall[]) =>
    list.flatMap(({ name, key, value }) => [name, new RegExp(`\\{\\s*"${key}"\\s*:\\s*"${value}"\\s*\\}`)]);
  const single = around(one, wanted(calls.slice(0, 1)), calls);
  if (!single) return undefined;
  const [before = '', infix = '', after = ''] = single;
  return formOf({ before, infix, after }, two === undefined ? undefined : around(two, wanted(calls), calls));
}

/** The names of arguments and their values, each between marks that are the same for all but strings. */
function parameterForm(
  { one, two, more, lines }: Record<'two' | 'more' | 'lines', string | undefined> & { one: string },
  calls: readonly [ProbeCall, ProbeCall],
  { number, flag, lines: text }: ProbeMore,
): CallForm | undefined {
  const wanted = (list: readonly ProbeCall[]) => list.flatMap(({ name, key, value }) => [name, key, value]);
  const [first] = calls;
  const single = around(one, wanted([first]), calls);
  const several = more && around(more, [...wanted([first]), number.key, number.value, flag, /true/i], calls);
  if (!single || !several) return undefined;
  const [before = '', toKey = '', string = '', toEnd = ''] = single;
  const [, , , toNext = '', other = '', toLast = '', last = ''] = several;
  const open = sharedEnd(toKey, toNext);
  const close = toNext.slice(0, toNext.length - open.length);
  const isRegular = toNext === toLast && other === last && toEnd.startsWith(close);
  // Nothing else would tell where a value ends; and no mark may be about one name.
  if (!isRegular || !close.trim() || string === '' || other === '') return undefined;
  if ([toKey, close].some((mark) => mark.includes(first.name) || mark.includes(first.key))) return undefined;
  // Some quote such a text.
  if (lines?.includes(string + text + close) !== true) return undefined;
  const parameters: ParameterForm = { open, middle: { string, other }, close };
  const infix = toKey.slice(0, toKey.length - open.length);
  const both = two === undefined ? undefined : around(two, wanted(calls), calls);
  const isAlike = both?.[1] === toKey && both[3]?.startsWith(close) === true && both[4] === toKey;
  const between = isAlike ? [both[0] ?? '', infix, both[3]?.slice(close.length) ?? '', infix] : undefined;
  return { ...formOf({ before, infix, after: toEnd.slice(close.length) }, between), parameters };
}

/** The end that both have, from the last mark on in which it begins. */
function sharedEnd(one: string, other: string): string {
  let length = 0;
  while (length < one.length && length < other.length && one.at(-1 - length) === other.at(-1 - length)) length++;
  const end = one.slice(one.length - length);
  const mark = end.search(/[<[\]]/);
  return mark < 0 ? end : end.slice(mark);
}

/** @param both what is around the names of two calls, and between each and what follows it */
function formOf(
  { before, infix, after }: { before: string; infix: string; after: string },
  both: readonly string[] | undefined,
): CallForm {
  const [marker] = MARKER.exec(before) ?? [];
  const counted = both && numbered(infix, both[3] ?? '');
  const isSame = both?.[0] === before && both[1] === infix && (both[3] === infix || counted !== undefined || both.length < 5);
  return {
    before: before.trimStart(),
    infix: counted ?? infix,
    // A template that writes one call an answer knows no second.
    between: isSame ? numberIn(before, both[2] ?? '') : '',
    after: after.trimEnd(),
    trigger: (marker ?? before).trim(),
    isOnlyAtStart: marker === undefined,
  };
}

/** What is written after two names, where it differs by the number of the call. */
function numbered(first: string, second: string): string | undefined {
  const [number] = /\d+/.exec(first) ?? [];
  if (number === undefined || first === second) return undefined;
  const written = first.replace(number, INDEX);
  return written === second.replace(String(Number(number) + 1), INDEX) ? written : undefined;
}

/** The text between two calls, where it has the number of the second and the text before the first has its number. */
function numberIn(before: string, between: string): string {
  const [number] = /\d+(?=\D*$)/.exec(before) ?? [];
  const next = number === undefined ? undefined : String(Number(number) + 1);
  return next !== undefined && new RegExp(`\\b${next}(?=\\D*$)`).test(between)
    ? between.replace(new RegExp(`\\b${next}(?=\\D*$)`), INDEX)
    : between;
}

/** An answer without what is before and after it in a conversation, and without empty reasoning. */
function bodyOf(text: string, { answered, answer, prompt, reasoning }: RenderedCalls): string | undefined {
  const at = answered.lastIndexOf(answer);
  if (at < 0) return undefined;
  const starts = [answered.slice(0, at), prompt, sharedStart(text, prompt)].filter((begin) => text.startsWith(begin));
  const start = starts.sort((a, b) => b.length - a.length)[0] ?? '';
  const end = answered.slice(at + answer.length);
  const body = end !== '' && text.endsWith(end) ? text.slice(start.length, -end.length) : text.slice(start.length);
  if (!reasoning) return body;
  const closed = body.indexOf(reasoning.close);
  const isEmpty = closed >= 0 && ['', reasoning.open.trim()].includes(body.slice(0, closed).trim());
  return isEmpty ? body.slice(closed + reasoning.close.length) : body;
}

/** The start that both have, without half a mark at its end. */
function sharedStart(one: string, other: string): string {
  let length = 0;
  while (length < one.length && one[length] === other[length]) length++;
  const start = one.slice(0, length);
  const mark = start.lastIndexOf('<');
  return mark > start.lastIndexOf('>') ? start.slice(0, mark) : start;
}

/** What is around these texts, with the marks of ids; undefined when one is missing or in another order. */
function around(text: string, wanted: readonly (string | RegExp)[], calls: readonly ProbeCall[]): string[] | undefined {
  const parts: string[] = [];
  let at = 0;
  for (const one of wanted) {
    const rest = text.slice(at);
    const match = typeof one === 'string' ? { index: rest.indexOf(one), length: one.length } : matchOf(one, rest);
    if (match.index < 0) return undefined;
    parts.push(rest.slice(0, match.index));
    at += match.index + match.length;
  }
  const ids = new RegExp(calls.map(({ id }) => id).join('|'), 'g');
  return [...parts, text.slice(at)].map((part) => part.replaceAll(ids, ID));
}

function matchOf(pattern: RegExp, text: string): { index: number; length: number } {
  const match = pattern.exec(text);
  return match ? { index: match.index, length: match[0].length } : { index: -1, length: 0 };
}
