/** The numbers that a schema allows; a bound that is excluded is not allowed itself. */
export interface NumberRange {
  least?: number;
  isLeastExcluded?: boolean;
  most?: number;
  isMostExcluded?: boolean;
}

/** Digits that a number in JSON keeps when it is read. */
const EXACT_DIGITS = 15;
const MOST_PLACES = 10;

/** A bound as digits, without its sign: 12.5 is ['12', '5']. */
type Decimal = [whole: string, fraction: string];

/** A bound of numbers that are not negative. */
interface Bound {
  at: Decimal;
  isExcluded: boolean;
}

/**
 * A pattern of the whole numbers in a range, as JSON writes them; undefined when there are none.
 * Bounds beyond 15 digits are those of a safe integer, as schema generators write them, and leave 15 digits.
 */
export function integerPattern({ least, isLeastExcluded, most, isMostExcluded }: NumberRange): string | undefined {
  const limit = 10 ** EXACT_DIGITS - 1;
  const low = Math.max(-limit, least === undefined ? -limit : isLeastExcluded ? Math.floor(least) + 1 : Math.ceil(least));
  const high = Math.min(limit, most === undefined ? limit : isMostExcluded ? Math.ceil(most) - 1 : Math.floor(most));
  const parts: string[] = [];
  if (low <= Math.min(high, -1)) parts.push(`-(?:${wholeNumbers(Math.max(1, -Math.min(high, -1)), -low)})`);
  if (Math.max(low, 0) <= high) parts.push(wholeNumbers(Math.max(low, 0), high));
  return parts.length === 0 ? undefined : `^(?:${parts.join('|')})$`;
}

/** A pattern of the numbers in a range without exponents; undefined when there are none, or a bound has too many digits. */
export function numberPattern(range: NumberRange): string | undefined {
  const least = range.least === undefined ? undefined : boundOf(range.least, range.isLeastExcluded);
  const most = range.most === undefined ? undefined : boundOf(range.most, range.isMostExcluded);
  if (least === null || most === null) return undefined;
  const zero: Bound = { at: ['0', ''], isExcluded: false };
  const parts: string[] = [];
  if ((range.least ?? -1) < 0) {
    // From zero away: the bound that is nearer to zero comes first.
    const near = (range.most ?? 0) >= 0 ? { ...zero, isExcluded: true } : most;
    parts.push(...between(near ?? zero, least).map((part) => `-(?:${part})`));
  }
  if ((range.most ?? 1) >= 0) parts.push(...between((range.least ?? -1) >= 0 ? (least ?? zero) : zero, most));
  return parts.length === 0 ? undefined : `^(?:${parts.join('|')})$`;
}

/** Null when it cannot be written with few enough digits. */
function boundOf(bound: number, isExcluded = false): Bound | null {
  const [whole = '', fraction = ''] = String(Math.abs(bound)).split('.');
  return /^\d+$/.test(whole + fraction) && whole.length + fraction.length <= EXACT_DIGITS - 2 && fraction.length < MOST_PLACES
    ? { at: [whole, fraction], isExcluded }
    : null;
}

function between(low: Bound, high: Bound | undefined): string[] {
  const [from, to] = [Number(low.at[0]), high === undefined ? 10 ** EXACT_DIGITS - 1 : Number(high.at[0])];
  if (from > to) return [];
  const places = Math.min(MOST_PLACES, Math.max(1, EXACT_DIGITS - String(high === undefined ? from : to).length));
  const any = `(?:\\.\\d{1,${String(places)}})?`;
  if (from === to) {
    const most = high === undefined ? [any] : below(high, places);
    // Both bounds restrict the fraction: the one looks ahead for the other.
    return most.flatMap((part) => above(low, places).map((least) => `(?=${low.at[0]}${least}$)${low.at[0]}${part}`));
  }
  const parts = above(low, places).map((fraction) => `${low.at[0]}${fraction}`);
  if (to - from > 1) parts.push(`(?:${wholeNumbers(from + 1, to - 1)})${any}`);
  return parts.concat(
    high === undefined ? [`${String(to)}${any}`] : below(high, places).map((fraction) => `${String(to)}${fraction}`),
  );
}

/** Fractions, with their point, of at least this one; the empty fraction is 0. */
function above({ at: [, fraction], isExcluded }: Bound, places: number): string[] {
  const digits = [...fraction];
  const rest = (used: number) => (places > used ? `\\d{0,${String(places - used)}}` : '');
  const greater = digits.flatMap((digit, index) =>
    digit === '9' ? [] : [`\\.${fraction.slice(0, index)}[${String(Number(digit) + 1)}-9]${rest(index + 1)}`],
  );
  const more = `0{0,${String(places - digits.length - 1)}}[1-9]\\d{0,${String(places - digits.length - 1)}}`;
  const limited = `(?=\\.\\d{1,${String(places)}}$)`;
  if (isExcluded) return [...greater, `${limited}\\.${fraction}${more}`];
  if (digits.length === 0) return [`(?:\\.\\d{1,${String(places)}})?`];
  return [...greater, `\\.${fraction}${rest(digits.length)}`];
}

/** Fractions of at most this one. */
function below({ at: [, fraction], isExcluded }: Bound, places: number): string[] {
  const digits = [...fraction];
  const zeros = (used: number) => `0{0,${String(Math.max(0, places - used))}}`;
  const less = digits.flatMap((digit, index) => {
    const before = fraction.slice(0, index);
    const shorter = index === 0 ? '' : `\\.${before}`;
    const smaller = digit === '0' ? [] : [`\\.${before}[0-${String(Number(digit) - 1)}]\\d{0,${String(places - index - 1)}}`];
    return [...(Number(fraction.slice(index)) > 0 ? [shorter] : []), ...smaller];
  });
  if (isExcluded) return less;
  return digits.length === 0 ? [`(?:\\.0{1,${String(places)}})?`] : [...less, `\\.${fraction}${zeros(digits.length)}`];
}

/** A pattern of the whole numbers from `low` to `high`, which are not negative. */
function wholeNumbers(low: number, high: number): string {
  const parts: string[] = [];
  for (let length = String(low).length; length <= String(high).length; length++) {
    const smallest = length === 1 ? 0 : 10 ** (length - 1);
    parts.push(sameLength(String(Math.max(low, smallest)), String(Math.min(high, 10 ** length - 1))));
  }
  return parts.join('|');
}

function sameLength(low: string, high: string): string {
  if (low === high) return low;
  if (low.length === 1) return `[${low}-${high}]`;
  const [a, b] = [Number(low[0]), Number(high[0])];
  const [lowRest, highRest] = [low.slice(1), high.slice(1)];
  const [zeros, nines] = ['0'.repeat(lowRest.length), '9'.repeat(lowRest.length)];
  if (a === b) return `${String(a)}(?:${sameLength(lowRest, highRest)})`;
  const from = lowRest === zeros ? a : a + 1;
  const to = highRest === nines ? b : b - 1;
  const parts: string[] = [];
  if (from > a) parts.push(`${String(a)}(?:${sameLength(lowRest, nines)})`);
  if (from <= to) parts.push(`[${String(from)}-${String(to)}]\\d{${String(lowRest.length)}}`);
  if (to < b) parts.push(`${String(b)}(?:${sameLength(zeros, highRest)})`);
  return parts.join('|');
}
