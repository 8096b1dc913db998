import { readFile, writeFile } from 'node:fs/promises';
import { format } from 'prettier';
import type { Machine } from './machine.ts';
import { renderPage } from './render.ts';

export const BENCH_NAMES = [
  'hops',
  'create-job',
  'operation',
  'log',
  'memory',
  'recovery',
  'start-up',
  'placement',
  'scale',
  'engine',
] as const;
export type BenchName = (typeof BENCH_NAMES)[number];

/** One figure of ours with the same figure of the peer, or of the bare limit, beside it. */
export interface Row {
  what: string;
  unit: string;
  ours: number;
  /** Left out where there is nothing to compare with. */
  beside?: number | undefined;
  aim?: Aim | undefined;
}

/** Small is good where `atMost` is given, large where `atLeast` is. */
export type Aim = { of: 'ratio' | 'figure' } & ({ atMost: number } | { atLeast: number });

export interface Table {
  title: string;
  /** What our figures stand beside. */
  beside: string;
  rows: Row[];
  /** What was measured, and how, in sentences. */
  how: string;
}

/** What one bench found. */
export interface Findings {
  title: string;
  tables: Table[];
}

/** The findings, and where and when they were found. */
export interface Section extends Findings {
  machine: Machine;
  /** A date, as YYYY-MM-DD. */
  measuredOn: string;
}

export type Results = Partial<Record<BenchName, Section>>;

/** Keeps the sections of the benches that did not run. */
export async function saveSection(root: string, name: BenchName, section: Section): Promise<void> {
  const file = `${root}/bench/results.json`;
  const known = await readFile(file, 'utf8').catch(() => '{}');
  const results: Results = { ...(JSON.parse(known) as Results), [name]: section };
  await writeFile(file, await format(JSON.stringify(results), { parser: 'json', printWidth: 130 }));
  await writeFile(`${root}/docs/BENCHMARKS.md`, await format(renderPage(results), { parser: 'markdown', printWidth: 130 }));
}
