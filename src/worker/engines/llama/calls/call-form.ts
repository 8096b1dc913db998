/**
 * How a model writes calls of tools: `before`, a name, `infix`, the arguments as JSON, then `between` and the next name, or `after`.
 * `[id]` in these stands for the id of the call, where the form has one.
 */
export interface CallForm {
  before: string;
  infix: string;
  between: string;
  after: string;
  /** With this, a call begins in the middle of an answer. */
  trigger: string;
  /** The trigger is ordinary text, which means a call only where an answer begins with it. */
  isOnlyAtStart: boolean;
}

export const ID = '[id]';

/** Told to models whose template has no form of its own. */
export const GENERIC_FORM: CallForm = {
  before: '{"name":"',
  infix: '","arguments":',
  between: '}\n\n{"name":"',
  after: '}',
  trigger: '{"name":',
  isOnlyAtStart: true,
};

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
}

export interface ProbeCall {
  name: string;
  id: string;
  key: string;
  value: string;
}

const MARKER = /^\s*(?:<[^<>\s]+>|\[[A-Z_]+\]|<\|[^|]+\|>)/;

/** The form of the calls in these texts; undefined where a template writes arguments otherwise than as JSON after the name. */
export function callFormOf(texts: RenderedCalls, calls: readonly [ProbeCall, ProbeCall]): CallForm | undefined {
  const { one, two, answered, answer, prompt } = texts;
  const at = answered.lastIndexOf(answer);
  if (at < 0) return undefined;
  const start = [answered.slice(0, at), prompt].filter((begin) => one.startsWith(begin)).sort((a, b) => b.length - a.length)[0];
  if (start === undefined) return undefined;
  const end = answered.slice(at + answer.length);
  const single = partsOf(bodyOf(one, start, end), calls.slice(0, 1));
  const both = two.startsWith(start) ? partsOf(bodyOf(two, start, end), calls) : undefined;
  if (!single) return undefined;
  const [before = '', infix = '', after = ''] = single;
  const between = both?.[0] === before && both[1] === infix ? both[2] : undefined;
  const [marker] = MARKER.exec(before) ?? [];
  return {
    before: before.trimStart(),
    infix,
    // A template that writes one call an answer knows no second.
    between: between ?? '',
    after: after.trimEnd(),
    trigger: (marker ?? before).trim(),
    isOnlyAtStart: marker === undefined,
  };
}

function bodyOf(text: string, start: string, end: string): string {
  return end !== '' && text.endsWith(end) ? text.slice(start.length, -end.length) : text.slice(start.length);
}

/** What is around names and arguments; undefined when something is missing or in another order. */
function partsOf(text: string, calls: readonly ProbeCall[]): string[] | undefined {
  const parts: string[] = [];
  let at = 0;
  const take = (found: RegExpExecArray | null): boolean => {
    if (!found) return false;
    parts.push(text.slice(at, at + found.index));
    at += found.index + found[0].length;
    return true;
  };
  for (const { name, key, value } of calls) {
    const json = new RegExp(`\\{\\s*"${key}"\\s*:\\s*"${value}"\\s*\\}`);
    if (!take(new RegExp(name).exec(text.slice(at))) || !take(json.exec(text.slice(at)))) return undefined;
  }
  parts.push(text.slice(at));
  const ids = new RegExp(calls.map(({ id }) => id).join('|'), 'g');
  const cleaned = parts.map((part) => part.replaceAll(ids, ID));
  // An id before the name would have to be known before the call is.
  return cleaned.some((part, index) => part.includes(ID) && index !== cleaned.length - 1 && index % 2 === 1)
    ? undefined
    : cleaned;
}
