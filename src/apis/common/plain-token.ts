const START = '{"text":"';

/**
 * The text of a `token` event that has nothing else, as a JSON string: an API passes it on without parsing it. The events of a log are
 * legal JSON, so the first quote after the start is the end of the text, or else escaped, and then the text is not plain.
 * @returns undefined for other tokens
 */
export function plainTokenText(json: string): string | undefined {
  const end = json.length - 2;
  if (!json.startsWith(START) || json.indexOf('"', START.length) !== end) return undefined;
  return json.slice(START.length - 1, -1);
}
