/** Stands in the texts of a form for the id of a call: nine letters or digits. */
export const ID = '[id]';
/** Stands for the number of a call in its answer. */
export const INDEX = '[index]';

export const ID_LENGTH = 9;
/** The id of a call whose beginning is part of the prompt. */
const FIRST_ID = 'firstcall';
const INDEX_LENGTH = 3;

/** What the marks above stand for, as rules of a grammar. */
export const FORM_RULES = { id: `[a-zA-Z0-9]{${String(ID_LENGTH)}}`, index: `[0-9]{1,${String(INDEX_LENGTH)}}` };

const RUNS = new Map([
  [ID, { pattern: new RegExp(`^[a-zA-Z0-9]{0,${String(ID_LENGTH)}}`), least: ID_LENGTH, most: ID_LENGTH }],
  [INDEX, { pattern: new RegExp(`^[0-9]{0,${String(INDEX_LENGTH)}}`), least: 1, most: INDEX_LENGTH }],
]);

/** The beginning of a form as a prompt ends with it. */
export function written(before: string): string {
  return before.replaceAll(ID, FIRST_ID);
}

/** A text of a form in its parts: its own text, and the marks. */
export function formParts(text: string): string[] {
  return text.split(/(\[id\]|\[index\])/).filter((part) => part !== '');
}

/** How much of a text is this text of a form; `begun` when all of the text may be its beginning, `none` when it is something else. */
export function formLength(expected: string, text: string): number | 'begun' | 'none' {
  let at = 0;
  for (const part of formParts(expected)) {
    const run = RUNS.get(part);
    const here = run ? (run.pattern.exec(text.slice(at))?.[0] ?? '') : text.slice(at, at + part.length);
    if (!run && !part.startsWith(here)) return 'none';
    at += here.length;
    const isAtEnd = at === text.length;
    if (run ? here.length < run.most && isAtEnd : here.length < part.length) return 'begun';
    if (run && here.length < run.least) return 'none';
  }
  return at;
}

/** Where the first of these texts of a form is in a text, and how long it is there; `begun` as above. Undefined when none can be. */
export function findForm(
  expected: readonly string[],
  text: string,
): { at: number; length: number | 'begun'; which: number } | undefined {
  for (let at = 0; at < text.length; at++) {
    const rest = text.slice(at);
    const found = expected.map((one) => formLength(one, rest));
    const whole = found.findIndex((length) => typeof length === 'number');
    const which = whole >= 0 ? whole : found.indexOf('begun');
    const length = found[which] ?? 'none';
    if (length !== 'none') return { at, length, which };
  }
  return undefined;
}
