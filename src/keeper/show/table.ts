import { printable } from '../screen/printable.ts';
import type { Look } from './look.ts';

export interface Column<T> {
  title: string;
  cell: (row: T) => string;
  align?: 'right';
  /** May be cut when the table is wider than the screen. */
  shrinks?: boolean;
}

const GAP = '  ';
const LEAST_WIDTH = 12;

/** Rows under titles, in columns as wide as their widest cell. Ends without a line feed. */
export function table<T>(rows: readonly T[], columns: readonly Column<T>[], look: Look): string {
  const cells = rows.map((row) => columns.map(({ cell }) => oneLine(cell(row))));
  const widths = columns.map(({ title }, at) => Math.max(width(title), ...cells.map((row) => width(row[at] ?? ''))));
  shrink(widths, columns, look.columns);
  const line = (texts: readonly string[]) =>
    texts
      .map((text, at) => fit(text, { width: widths[at] ?? 0, right: columns[at]?.align === 'right' }))
      .join(GAP)
      .trimEnd();
  const titles = look.paint.dim(line(columns.map(({ title }) => title)));
  return [titles, ...cells.map(line)].join('\n');
}

/** Leaves out columns that say nothing in any row. */
export function filled<T>(rows: readonly T[], columns: readonly Column<T>[]): Column<T>[] {
  return columns.filter(({ cell }) => rows.some((row) => cell(row) !== ''));
}

/** 'key  value' lines for one thing, leaving out what is not known. */
export function list(pairs: readonly (readonly [key: string, value: string | undefined])[], { paint }: Look): string {
  const known = pairs.filter((pair): pair is readonly [string, string] => pair[1] !== undefined);
  const keyWidth = Math.max(0, ...known.map(([key]) => width(key)));
  return known
    .map(([key, value]) => {
      const [first = '', ...more] = printable(value).split('\n');
      const below = more.map((line) => `\n${' '.repeat(keyWidth)}${GAP}${line}`).join('');
      return `${paint.dim(key.padEnd(keyWidth))}${GAP}${first}${below}`;
    })
    .join('\n');
}

/** Characters, not UTF-16 units. */
export function width(text: string): number {
  return [...text].length;
}

/** Takes what is too wide from the columns that may be cut, the widest first. */
function shrink(widths: number[], columns: readonly Column<never>[], screen: number): void {
  const gaps = GAP.length * (widths.length - 1);
  for (;;) {
    const excess = widths.reduce((sum, each) => sum + each, gaps) - screen;
    const shrinkable = widths.map((each, at) => (columns[at]?.shrinks && each > LEAST_WIDTH ? each : 0));
    const widest = Math.max(0, ...shrinkable);
    if (excess <= 0 || widest === 0) return;
    widths[shrinkable.indexOf(widest)] = Math.max(LEAST_WIDTH, widest - excess);
  }
}

function fit(text: string, { width: wanted, right }: { width: number; right: boolean }): string {
  const characters = [...text];
  const cut = characters.length > wanted ? `${characters.slice(0, wanted - 1).join('')}…` : text;
  const padding = ' '.repeat(Math.max(0, wanted - width(cut)));
  return right ? padding + cut : cut + padding;
}

function oneLine(text: string): string {
  return printable(text).replaceAll('\n', ' ');
}
