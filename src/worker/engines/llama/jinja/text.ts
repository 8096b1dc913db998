import { Callable, Float, Iteration, Members, Tuple, Undefined, View, type Value } from './values.ts';

/** What Python's `str()` makes of a value. */
export function textOf(value: Value): string {
  if (typeof value === 'string') return value;
  return value instanceof Undefined ? '' : representationOf(value);
}

/** What Python's `repr()` makes of a value. */
export function representationOf(value: Value): string {
  if (value === null) return 'None';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (typeof value === 'number') return integerText(value);
  if (typeof value === 'string') return quoted(value);
  if (value instanceof Float) return floatText(value.number);
  if (value instanceof Undefined) return 'Undefined';
  if (value instanceof View) return `${value.label}([${listed(value)}])`;
  if (value instanceof Tuple) return value.length === 1 ? `(${listed(value)},)` : `(${listed(value)})`;
  if (Array.isArray(value)) return `[${listed(value)}]`;
  if (value instanceof Map) return `{${entriesText(value, representationOf)}}`;
  if (value instanceof Members && value.members instanceof Map && value.type === 'namespace')
    return `<Namespace {${entriesText(value.members, representationOf)}}>`;
  if (value instanceof Iteration) return '<generator object>';
  return `<${value instanceof Callable ? `function ${value.name}` : value.type}>`;
}

function listed(items: Value[]): string {
  return Array.from(items, representationOf).join(', ');
}

function entriesText(entries: ReadonlyMap<Value, Value>, text: (value: Value) => string): string {
  return [...entries].map(([key, value]) => `${text(key)}: ${text(value)}`).join(', ');
}

export function integerText(value: number): string {
  return Math.abs(value) < 1e21 ? String(value) : String(BigInt(value));
}

/** The shortest text that gives the number again, with an exponent where Python has one. */
export function floatText(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  const [digits = '', exponent = '0'] = value.toExponential().split('e');
  if (value !== 0 && (Number(exponent) < -4 || Number(exponent) >= 16)) {
    return `${digits}e${exponent.slice(0, 1)}${exponent.slice(1).padStart(2, '0')}`;
  }
  if (Object.is(value, -0)) return '-0.0';
  return Number.isInteger(value) ? value.toFixed(1) : String(value);
}

/** With so many digits after the point; what is halfway between two of them becomes the even one, as in Python. */
export function fixedText(value: number, digits: number): string {
  const scaled = Math.abs(value) * 10 ** digits;
  const isHalfway = scaled % 1 === 0.5 && scaled / 10 ** digits === Math.abs(value);
  const isOddAbove = isHalfway && Math.ceil(scaled) % 2 !== 0;
  return (isOddAbove ? (Math.sign(value) * Math.floor(scaled)) / 10 ** digits : value).toFixed(Math.max(0, digits));
}

const NAMED_ESCAPES: Record<string, string> = { '\n': '\\n', '\r': '\\r', '\t': '\\t', '\\': '\\\\' };

function quoted(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  const body = text.replace(
    /[\\\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}]|(?! )\p{Zs}/gu,
    (character) => NAMED_ESCAPES[character] ?? escaped(character),
  );
  return quote + (quote === "'" ? body.replaceAll("'", "\\'") : body) + quote;
}

function escaped(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  const hex = code.toString(16);
  if (code <= 0xff) return `\\x${hex.padStart(2, '0')}`;
  return code <= 0xffff ? `\\u${hex.padStart(4, '0')}` : `\\U${hex.padStart(8, '0')}`;
}
