/** The value of a JSON text; undefined for a text that is not JSON. The caller knows what it expected instead, and reports that. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
    return undefined;
  }
}
