/** The part of a schema that a `$ref` points at, with its place after the schema's; undefined when there is none. */
export function pointedAt(reference: unknown, root: unknown): { schema: unknown; at: string } | undefined {
  const [, pointer] = typeof reference === 'string' ? (/^#((?:\/.*)?)$/s.exec(reference) ?? []) : [];
  if (pointer === undefined) return undefined;
  const steps = pointer.split('/').slice(1).map(decoded);
  let schema = root;
  for (const step of steps) {
    if (typeof schema !== 'object' || schema === null || !Object.hasOwn(schema, step)) return undefined;
    schema = (schema as Record<string, unknown>)[step];
  }
  return { schema, at: steps.map((step) => (/^\d+$/.test(step) ? `[${step}]` : `.${step}`)).join('') };
}

function decoded(step: string): string {
  const plain = step.replaceAll('~1', '/').replaceAll('~0', '~');
  try {
    return decodeURIComponent(plain);
  } catch {
    return plain;
  }
}
