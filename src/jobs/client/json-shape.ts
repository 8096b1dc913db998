import { parseJson } from '../../contract/index.ts';

export interface JsonShape {
  depth: number;
  values: number;
}

const QUOTE = 0x22;
const COMMA = 0x2c;
const BACKSLASH = 0x5c;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/** The deepest nesting, and about how many values there are, in a text that may be JSON. What is inside strings does not count. */
export function shapeOf(text: string): JsonShape {
  let depth = 0;
  let deepest = 0;
  let values = 1;
  let isInString = false;
  for (let index = 0; index < text.length; index += 1) {
    const character = text.charCodeAt(index);
    if (isInString) {
      if (character === BACKSLASH) index += 1;
      else if (character === QUOTE) isInString = false;
    } else if (character === QUOTE) isInString = true;
    else if (character === OPEN_LIST || character === OPEN_OBJECT) deepest = Math.max(deepest, (depth += 1));
    else if (character === CLOSE_LIST || character === CLOSE_OBJECT) depth -= 1;
    else if (character === COMMA) values += 1;
  }
  return { depth: deepest, values };
}

/** Deeper than anything that people or daemons write; what parses or prints it recursively would run out of stack far below. */
export const NESTING_LIMIT = 200;

/**
 * A text of a stranger as JSON. Its shape is looked at first: parsing and checking millions of empty lists takes seconds and
 * hundreds of megabytes, however few bytes they are.
 * @returns undefined for what is not JSON, or is nested too deeply, or has more values than this
 */
export function parseBounded(text: string, valuesLimit: number): unknown {
  const { depth, values } = shapeOf(text);
  if (depth > NESTING_LIMIT || values > valuesLimit) return undefined;
  return parseJson(text);
}
