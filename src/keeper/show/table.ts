import type { Look } from './look.ts';
import { cut, flowed, oneLine, width, wrapped } from './width.ts';

export interface Column<T> {
  title: string;
  cell: (row: T) => string;
  align?: 'right';
  /**
   * What happens when the table is wider than the screen: the column is dropped, moves in full to a line below its row, or is cut in
   * the middle. Columns further right go first, then columns are cut. If that is not enough, other columns move below the row too,
   * behind their titles.
   */
  narrow?: 'drop' | 'below' | 'cut';
  /** The width to which it may be cut. */
  least?: number;
}

const GAP = '  ';
const LEAST_WIDTH = 8;
/** For paths: both ends stay readable, since paths differ at their ends. */
export const LEAST_PATH_WIDTH = 16;

const BELOW = '  ';

/** Rows under titles, in columns as wide as their widest cell. Ends without a line feed. */
export function table<T>(rows: readonly T[], columns: readonly Column<T>[], look: Look): string {
  const { beside, below, named } = arranged(rows, columns, look.columns);
  const [titles = '', ...lines] = tableLines(rows, beside, look);
  return [titles, ...rows.flatMap((row, at) => [lines[at] ?? '', ...linesBelow(row, { below, named }, look)])].join('\n');
}

interface Arranged<T> {
  beside: Column<T>[];
  below: Column<T>[];
  /** Also below, each behind its title. */
  named: Column<T>[];
}

function arranged<T>(rows: readonly T[], columns: readonly Column<T>[], screen: number): Arranged<T> {
  const beside = [...columns];
  const below: Column<T>[] = [];
  const named: Column<T>[] = [];
  for (let at = beside.length - 1; at > 0 && tableWidth(rows, beside) > screen; at -= 1) {
    const { narrow } = beside[at] ?? {};
    if (narrow !== 'drop' && narrow !== 'below') continue;
    const [moved] = beside.splice(at, 1);
    if (moved !== undefined && narrow === 'below') below.unshift(moved);
  }
  while (beside.length > 1 && leastWidth(rows, beside) > screen) named.unshift(...beside.splice(-1));
  return { beside, below, named };
}

function linesBelow<T>(row: T, { below, named }: Omit<Arranged<T>, 'beside'>, { columns }: Look): string[] {
  const room = columns - BELOW.length;
  const titled = named.map(({ title, cell, narrow }) => {
    const text = oneLine(cell(row));
    return `${title.toLowerCase()} ${narrow === 'cut' ? cut(text, room - title.length - 1, 'middle') : text}`.trimEnd();
  });
  const texts = below.map(({ cell }) => oneLine(cell(row))).filter((text) => text !== '');
  return [...flowed(titled, room), ...texts.flatMap((text) => wrapped(text, room))].map((line) => BELOW + line);
}

/** Columns of its widest line, with all of its columns. */
export function tableWidth<T>(rows: readonly T[], columns: readonly Column<T>[]): number {
  return sum(widthsOf(rows, columns));
}

/** The same with every column cut as far as allowed. */
function leastWidth<T>(rows: readonly T[], columns: readonly Column<T>[]): number {
  const widths = widthsOf(rows, columns);
  return sum(widths.map((each, at) => Math.min(each, leastOf(columns[at]) ?? each)));
}

/** Undefined for a column that is not cut. */
function leastOf(column: Pick<Column<never>, 'narrow' | 'least'> | undefined): number | undefined {
  return column?.narrow === 'cut' ? (column.least ?? LEAST_WIDTH) : undefined;
}

function sum(widths: readonly number[]): number {
  return widths.reduce((whole, each) => whole + each, GAP.length * (widths.length - 1));
}

function widthsOf<T>(rows: readonly T[], columns: readonly Column<T>[]): number[] {
  return columns.map(({ title, cell }) => rows.reduce((most, row) => Math.max(most, width(oneLine(cell(row)))), width(title)));
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

/** Without the columns that are empty in all rows. */
export function filled<T>(rows: readonly T[], columns: readonly Column<T>[]): Column<T>[] {
  return columns.filter(({ cell }) => rows.some((row) => cell(row) !== ''));
}

/** 'key  value' lines, without undefined values. */
export function list(
  pairs: readonly (readonly [key: string, value: string | undefined])[],
  { paint, columns }: Pick<Look, 'paint' | 'columns'>,
): string {
  const known = pairs.filter((pair): pair is readonly [string, string] => pair[1] !== undefined);
  const keyWidth = Math.max(0, ...known.map(([key]) => width(key)));
  const indent = ' '.repeat(keyWidth) + GAP;
  return known
    .map(([key, value]) => {
      const lines = wrapped(value, columns - indent.length).join(`\n${indent}`);
      return `${paint.dim(key.padEnd(keyWidth))}${GAP}${lines}`;
    })
    .join('\n');
}

/** Narrows the columns that may be cut until the table fits, always the widest first. */
function shrink(widths: number[], columns: readonly Column<never>[], screen: number): void {
  for (let excess = sum(widths) - screen; excess > 0; excess -= 1) {
    const shrinkable = widths.map((each, at) => (each > (leastOf(columns[at]) ?? each) ? each : 0));
    const widest = Math.max(0, ...shrinkable);
    if (widest === 0) return;
    widths[shrinkable.indexOf(widest)] = widest - 1;
  }
}

function fit(text: string, { width: wanted, right }: { width: number; right: boolean }): string {
  const shown = cut(text, wanted, 'middle');
  const padding = ' '.repeat(Math.max(0, wanted - width(shown)));
  return right ? padding + shown : shown + padding;
}
