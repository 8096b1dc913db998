import { describe } from './machine.ts';
import { BENCH_NAMES, type Aim, type Results, type Row, type Section, type Table } from './findings.ts';

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

function renderTable({ title, beside, others, rows, how }: Table): string {
  const hasAims = rows.some(({ aim }) => aim !== undefined);
  const header = ['measured', 'rbee', ...(others ?? [beside]), 'ratio', ...(hasAims ? ['aim'] : [])];
  const lines = rows.map((row) => [
    row.what,
    shown(row.ours, row.unit),
    ...(others?.map((name) => row.others?.[name]) ?? [row.beside]).map((peer) =>
      peer === undefined ? '–' : shown(peer, row.unit),
    ),
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
  const limit = limitOf(row.aim);
  const wanted = row.aim.of === 'ratio' ? limit.toFixed(2) : shown(limit, row.unit);
  return `${'atMost' in row.aim ? 'at most' : 'at least'} ${wanted}: ${misses(row) ? 'missed' : 'met'}`;
}

function limitOf(aim: Aim): number {
  return 'atMost' in aim ? aim.atMost : aim.atLeast;
}

/** Without a peer, an aim for the ratio is neither met nor missed. */
function misses(row: Row): boolean {
  return row.aim !== undefined && missedBy(row, row.aim) > 0;
}

function missedBy(row: Row, aim: Aim): number {
  const over = (aim.of === 'ratio' ? ratioOf(row) : row.ours) - limitOf(aim);
  return 'atMost' in aim ? over : -over;
}

function missOf(row: Row, beside: string): string {
  const { aim = { of: 'figure', atMost: 0 } } = row;
  const by = missedBy(row, aim);
  if (aim.of === 'figure') return `Missed: ${row.what} by ${shown(by, row.unit)}.`;
  return `Missed: ${row.what} is ${ratioOf(row).toFixed(2)} of ${beside}, ${by.toFixed(2)} ${'atMost' in aim ? 'over' : 'under'} the aim.`;
}

/** Three digits say all that a noisy machine knows. */
function shown(figure: number, unit: string): string {
  const digits = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(figure) || 1)));
  const rounded = Number(figure.toPrecision(3));
  return `${rounded.toLocaleString('en-US', { maximumFractionDigits: Math.min(digits, 2) })} ${unit}`.trim();
}
