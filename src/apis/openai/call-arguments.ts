import { parseJson, type Tool } from '../../contract/index.ts';

/** The argument of a custom tool, which takes one text. */
const CUSTOM_ARGUMENT = 'input';

export const customParameters = {
  type: 'object',
  properties: { [CUSTOM_ARGUMENT]: { type: 'string' } },
  required: [CUSTOM_ARGUMENT],
} satisfies Tool['parameters'];

/**
 * The arguments of an earlier call, as the text of a JSON object. Weak models produce what is none, and the client sends it back with
 * every later request: that must not end the conversation.
 */
export function argumentsOf(value: unknown): string {
  if (value === undefined || value === null || value === '') return '{}';
  if (typeof value !== 'string') return JSON.stringify(isObject(value) ? value : { _raw: value });
  return isObject(parseJson(value)) ? value : JSON.stringify({ _raw: value });
}

export function customArguments(input: string): string {
  return JSON.stringify({ [CUSTOM_ARGUMENT]: input });
}

/** The text that a custom tool was called with. What is not in its form is given as it is. */
export function customInput(text: string): string {
  const value = parseJson(text);
  const input = isObject(value) ? (value as Record<string, unknown>)[CUSTOM_ARGUMENT] : undefined;
  return typeof input === 'string' ? input : text;
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
