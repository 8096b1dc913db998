// Where the words of the contract are not the best ones on a command line.

/** Fields whose option has another name: --json is an option of every command. */
export const OPTION_NAMES: Readonly<Record<string, string>> = { json: 'json_object' };

/** Switches that are on when omitted, and what `--no-…` does. */
export const ON_WHEN_OMITTED: Readonly<Record<string, string>> = {
  parallel_tool_calls: 'Call at most one tool',
  strict: 'Ignore what cannot be enforced of a JSON schema, instead of refusing it',
};

/** Single words that stand for values which are otherwise JSON. */
export const VALUE_WORDS: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  reasoning: {
    on: { on: true },
    off: { on: false },
    low: { on: true, effort: 'low' },
    medium: { on: true, effort: 'medium' },
    high: { on: true, effort: 'high' },
  },
  tool_choice: { auto: 'auto', none: 'none', required: 'required' },
};
