/**
 * How a model writes calls of tools: `before`, a name, `infix`, the arguments, then `between` and the next name, or `after`.
 * `[id]` and `[index]` in these stand for the id and the number of a call, where the form has them.
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
  /** How each argument is written; undefined where they are one JSON object. */
  parameters?: ParameterForm | undefined;
}

/** Arguments one by one: `open`, a name, `middle`, the value, `close`. Strings are written as they are, all else as JSON. */
export interface ParameterForm {
  open: string;
  middle: { string: string; other: string };
  close: string;
}

/** Told to models whose template has no form of its own. */
export const GENERIC_FORM: CallForm = {
  before: '{"name":"',
  infix: '","arguments":',
  between: '}\n\n{"name":"',
  after: '}',
  trigger: '{"name":',
  isOnlyAtStart: true,
};
