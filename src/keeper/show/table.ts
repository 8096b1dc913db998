import { printable } from '../screen/printable.ts';
import type { Look } from './look.ts';

export interface Column<T> {
  title: string;
  cell: (row: T) => string;
  align?: 'right';
  /**
   * What becomes of it when the table is wider than the screen: it is left out, goes in full to a line below its row, or is cut.
   * Columns further right make room first; those that are cut come last.
   */
  narrow?: 'drop' | 'below' | 'cut';
}

const GAP = '  ';
const LEAST_WIDTH = 8;

const BELOW = '  ';

/** Rows under titles, in columns as wide as their widest cell. Ends without a line feed. */
export function table<T>(rows: readonly T[], columns: readonly Column<T>[], look: Look): string {
  const beside = [...columns];
  const below: Column<T>[] = [];
  for (let at = beside.length - 1; at > 0 && tableWidth(rows, beside) > look.columns; at -= 1) {
    const { narrow } = beside[at] ?? {};
    if (narrow !== 'drop' && narrow !== 'below') continue;
    const [moved] = beside.splice(at, 1);
    if (moved !== undefined && narrow === 'below') below.unshift(moved);
  }
  const lines = tableLines(rows, beside, look);
  const words = rows.map((row) => below.map(({ cell }) => oneLine(cell(row))).filter((text) => text !== ''));
  return lines.flatMap((line, at) => [line, ...(words[at - 1] ?? []).map((text) => BELOW + text)]).join('\n');
}

/** Characters of its widest line, with all of its columns. */
export function tableWidth<T>(rows: readonly T[], columns: readonly Column<T>[]): number {
  return widthsOf(rows, columns).reduce((sum, each) => sum + each, GAP.length * (columns.length - 1));
}

function widthsOf<T>(rows: readonly T[], columns: readonly Column<T>[]): number[] {
  return columns.map(({ title, cell }) => Math.max(width(title), ...rows.map((row) => width(oneLine(cell(row))))));
}

/** The titles, and a line for each row. */
function tableLines<T>(rows: readonly T[], columns: readonly Column<T>[], look: Look): string[] {
  const cells = rows.map((row) => columns.map(({ cell }) => oneLine(cell(row))));
  const widths = widthsOf(rows, columns);
  shrink(widths, columns, look.columns);
  const line = (texts: readonly string[]) =>
    texts
      .map((text, at) => fit(text, { width: widths[at] ?? 0, right: columns[at]?.align === 'right' }))
      .join(GAP)
      .trimEnd();
  const titles = look.paint.dim(line(columns.map(({ title }) => title)));
  return [titles, ...cells.map(line)];
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
    const shrinkable = widths.map((each, at) => (columns[at]?.narrow === 'cut' && each > LEAST_WIDTH ? each : 0));
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
