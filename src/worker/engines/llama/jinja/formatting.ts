import { TemplateError } from './fault.ts';
import { fixedText, floatText, representationOf, textOf } from './text.ts';
import { Float, Tuple, numberOf, typeName, type Arguments, type Value } from './values.ts';

const FIELD = /\{\{|\}\}|\{([^{}:!]*)(?:!([rsa]))?(?::([^{}]*))?\}|[{}]/g;
const SPEC = /^(?:(.?)([<>^=]))?([+ -]?)#?(0?)(\d*)(,?)(?:\.(\d+))?([a-zA-Z%]?)$/su;

/** `text.format(…)` */
export function braceFormat(text: string, args: Arguments): string {
  let next = 0;
  return text.replace(FIELD, (whole: string, ...groups: (string | undefined)[]) => {
    const [path, conversion, spec = ''] = groups;
    if (whole === '{{' || whole === '}}') return whole.slice(1);
    if (path === undefined) throw new TemplateError(`Single '${whole}' encountered in format string`);
    const value = path === '' ? args.list[next++] : /^\d+$/.test(path) ? args.list[Number(path)] : args.named.get(path);
    if (value === undefined) throw new TemplateError(`Replacement '${path}' is missing for format string`);
    return specified(conversion === undefined || conversion === 's' ? value : representationOf(value), spec);
  });
}

/** A value by Python's format specification, `[[fill]align][sign][0][width][,][.precision][type]`. */
function specified(value: Value, spec: string): string {
  if (spec === '') return textOf(value);
  const [, fill, align, sign = '', zero, width, comma, precision, type = ''] = SPEC.exec(spec) ?? [];
  if (width === undefined) throw new TemplateError(`Invalid format specifier '${spec}'`);
  const number = typeof value === 'boolean' && type === '' ? undefined : numberOf(value);
  const digits = precision === undefined || precision === '' ? undefined : Number(precision);
  const plain = number === undefined || type === 's' ? textOf(value).slice(0, digits) : numberText(value, { type, digits });
  const text = comma === ',' ? plain.replace(/\B(?=(\d{3})+(?!\d))(?<!\.\d*)/g, ',') : plain;
  const signed = sign === '+' && number !== undefined && number >= 0 ? `+${text}` : text;
  const padding = (fill === undefined || fill === '' ? undefined : fill) ?? (zero === '0' ? '0' : ' ');
  return padded(signed, Number(width), {
    fill: padding,
    align: align ?? (number === undefined ? '<' : zero === '0' ? '=' : '>'),
  });
}

function numberText(value: Value, { type, digits }: { type: string; digits: number | undefined }): string {
  const number = numberOf(value) ?? 0;
  switch (type) {
    case 'd':
      return String(Math.trunc(number));
    case 'f':
    case 'F':
      return fixedText(number, digits ?? 6);
    case 'e':
      return number.toExponential(digits ?? 6).replace(/e([+-])(\d)$/, 'e$10$2');
    case '%':
      return `${fixedText(number * 100, digits ?? 6)}%`;
    case 'x':
      return number.toString(16);
    case 'X':
      return number.toString(16).toUpperCase();
    case 'o':
      return number.toString(8);
    case 'b':
      return number.toString(2);
    default:
      if (digits !== undefined) return String(Number(number.toPrecision(Math.max(1, digits))));
      return value instanceof Float ? floatText(number) : textOf(value);
  }
}

function padded(text: string, width: number, { fill, align }: { fill: string; align: string }): string {
  const missing = Math.max(0, width - [...text].length);
  if (align === '^') return fill.repeat(Math.floor(missing / 2)) + text + fill.repeat(Math.ceil(missing / 2));
  if (align === '<') return text + fill.repeat(missing);
  const sign = align === '=' ? (/^[+-]/.exec(text)?.[0] ?? '') : '';
  return sign + fill.repeat(missing) + text.slice(sign.length);
}

const PERCENT = /%(?:\(([^)]*)\))?([-+ 0#]*)(\d*)(?:\.(\d+))?([a-zA-Z%])/g;

/** `text % values` */
export function percentFormat(text: string, values: Value): string {
  const list = values instanceof Tuple ? [...values] : [values];
  let next = 0;
  const made = text.replace(PERCENT, (_, ...groups: (string | undefined)[]) => {
    const [name, flags = '', width = '', precision, type = ''] = groups;
    if (type === '%') return '%';
    const value = name === undefined ? list[next++] : values instanceof Map ? values.get(name) : undefined;
    if (value === undefined) throw new TemplateError('not enough arguments for format string');
    const isNumber = numberOf(value) !== undefined;
    if (!isNumber && !'srac'.includes(type))
      throw new TemplateError(`%${type} format: a real number is required, not ${typeName(value)}`);
    const digits = precision === undefined ? undefined : Number(precision);
    const shown =
      type === 'r' || type === 'a'
        ? representationOf(value)
        : 'sc'.includes(type)
          ? textOf(value).slice(0, digits)
          : numberText(value, { type: type === 'i' ? 'd' : type, digits });
    const signed = flags.includes('+') && isNumber && !shown.startsWith('-') ? `+${shown}` : shown;
    const isZero = flags.includes('0') && isNumber;
    return padded(signed, Number(width), { fill: isZero ? '0' : ' ', align: flags.includes('-') ? '<' : isZero ? '=' : '>' });
  });
  if (values instanceof Tuple && next < list.length)
    throw new TemplateError('not all arguments converted during string formatting');
  return made;
}
