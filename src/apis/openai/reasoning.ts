import type { Reasoning } from '../../contract/index.ts';

const OFF: ReadonlySet<string> = new Set(['none', 'minimal']);
const levels = new Map<string, 'low' | 'medium' | 'high'>([
  ['low', 'low'],
  ['medium', 'medium'],
  ['high', 'high'],
  ['xhigh', 'high'],
  ['max', 'high'],
]);

/** What an effort means for a model that reasons: whether it does, and how much where its template has levels. */
export function reasoningOf(effort: string | null | undefined): Reasoning | undefined {
  if (effort === undefined || effort === null) return undefined;
  if (OFF.has(effort)) return { on: false };
  const level = levels.get(effort);
  return { on: true, ...(level === undefined ? {} : { effort: level }) };
}
