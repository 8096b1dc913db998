import { describe } from './machine.ts';
import { BENCH_NAMES, type Results, type Row, type Section, type Table } from './results.ts';

const INTRODUCTION = `# Benchmarks

\`npm run bench\` measures all of this again and writes this page; \`npm run bench -- hops\` measures one part.
Our figure stands beside that of a peer, or of the bare limit, measured in the same run on the same machine: read the
ratios, which travel between machines, rather than the figures, which do not.
`;

export function renderPage(results: Results): string {
  const sections = BENCH_NAMES.flatMap((name) => results[name] ?? []);
  return [INTRODUCTION, ...sections.map(renderSection)].join('\n\n');
}

function renderSection({ title, tables, machine, measuredOn }: Section): string {
  return [`## ${title}`, `Measured on ${measuredOn}: ${describe(machine)}.`, ...tables.map(renderTable)].join('\n\n');
}

function renderTable({ title, beside, rows, how }: Table): string {
  const hasAims = rows.some(({ aim }) => aim !== undefined);
  const header = ['measured', 'rbee', beside, 'ratio', ...(hasAims ? ['aim'] : [])];
  const lines = rows.map((row) => [
    row.what,
    shown(row.ours, row.unit),
    row.beside === undefined ? '–' : shown(row.beside, row.unit),
    shownRatio(row),
    ...(hasAims ? [aimOf(row)] : []),
  ]);
  const table = [header, header.map(() => '---'), ...lines].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
  const missed = rows.filter(misses).map((row) => missOf(row, beside));
  return [`### ${title}`, table, how, ...missed].join('\n\n');
}

/** None for a difference that is lost in the noise. */
function shownRatio(row: Row): string {
  return row.beside === undefined || row.beside <= 0 || row.ours <= 0 ? '–' : ratioOf(row).toFixed(2);
}

function ratioOf({ ours, beside = NaN }: Row): number {
  return ours / beside;
}

function aimOf(row: Row): string {
  if (row.aim === undefined) return '';
  const { of, atMost } = row.aim;
  const wanted = of === 'ratio' ? atMost.toFixed(2) : shown(atMost, row.unit);
  return `at most ${wanted}: ${misses(row) ? 'missed' : 'met'}`;
}

/** Without a peer, an aim for the ratio is neither met nor missed. */
function misses(row: Row): boolean {
  if (row.aim === undefined) return false;
  return (row.aim.of === 'ratio' ? ratioOf(row) : row.ours) > row.aim.atMost;
}

function missOf(row: Row, beside: string): string {
  const { aim = { of: 'figure', atMost: 0 } } = row;
  if (aim.of === 'figure') return `Missed: ${row.what} by ${shown(row.ours - aim.atMost, row.unit)}.`;
  return `Missed: ${row.what} is ${ratioOf(row).toFixed(2)} of ${beside}, ${(ratioOf(row) - aim.atMost).toFixed(2)} over the aim.`;
}

/** Three digits say all that a noisy machine knows. */
function shown(figure: number, unit: string): string {
  const digits = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(figure) || 1)));
  const rounded = Number(figure.toPrecision(3));
  return `${rounded.toLocaleString('en-US', { maximumFractionDigits: Math.min(digits, 2) })} ${unit}`.trim();
}
