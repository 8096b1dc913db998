import { TemplateError } from './fault.ts';
import { floatText, integerText } from './text.ts';
import { Float, compare, typeName, type Value } from './values.ts';

export interface JsonStyle {
  /** What is put before each level; undefined for one line. */
  indent: string | undefined;
  separators: { item: string; key: string };
  isAscii: boolean;
  isSorted: boolean;
}

/** What Python's `json.dumps` writes. */
export function jsonOf(value: Value, style: JsonStyle, depth = 0): string {
  if (value === null) return 'null';
  if (typeof value === 'boolean') return String(value);
  if (typeof value === 'number') return integerText(value);
  if (typeof value === 'string') return stringJson(value, style);
  if (value instanceof Float) return numberJson(value.number);
  if (Array.isArray(value)) {
    return enclosed('[]', { parts: value.map((item) => jsonOf(item, style, depth + 1)), style, depth });
  }
  if (value instanceof Map) {
    const entries = style.isSorted ? [...value].sort(([a], [b]) => compare(a, b)) : [...value];
    const parts = entries.map(
      ([key, item]) => stringJson(keyOf(key), style) + style.separators.key + jsonOf(item, style, depth + 1),
    );
    return enclosed('{}', { parts, style, depth });
  }
  throw new TemplateError(`Object of type ${typeName(value)} is not JSON serializable`);
}

function enclosed(brackets: '[]' | '{}', { parts, style, depth }: { parts: string[]; style: JsonStyle; depth: number }): string {
  if (parts.length === 0) return brackets;
  const { indent, separators } = style;
  const [before, between, after] =
    indent === undefined
      ? ['', separators.item, '']
      : [`\n${indent.repeat(depth + 1)}`, `${separators.item}\n${indent.repeat(depth + 1)}`, `\n${indent.repeat(depth)}`];
  return brackets.slice(0, 1) + before + parts.join(between) + after + brackets.slice(1);
}

function keyOf(key: Value): string {
  if (typeof key === 'string') return key;
  if (key === null || typeof key === 'boolean' || typeof key === 'number') return String(key);
  if (key instanceof Float) return numberJson(key.number);
  throw new TemplateError(`keys must be str, int, float, bool or None, not ${typeName(key)}`);
}

function numberJson(value: number): string {
  if (Number.isFinite(value)) return floatText(value);
  return Number.isNaN(value) ? 'NaN' : value > 0 ? 'Infinity' : '-Infinity';
}

function stringJson(text: string, { isAscii }: JsonStyle): string {
  // JSON.stringify escapes halves of surrogate pairs, which Python leaves.
  const json = JSON.stringify(text);
  return isAscii ? json.replace(/[\x7f-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`) : json;
}
