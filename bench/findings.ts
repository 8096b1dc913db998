import type { Machine } from './machine.ts';

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
  'gateway',
] as const;
export type BenchName = (typeof BENCH_NAMES)[number];

/** One figure of rbee, with the same figure of the peer or of the bare limit. */
export interface Row {
  what: string;
  unit: string;
  ours: number;
  /** Undefined if there is nothing to compare with. */
  beside?: number | undefined;
  /** The figures of several peers, by their names. */
  others?: Record<string, number>;
  aim?: Aim | undefined;
}

/** With `atMost`, small is good; with `atLeast`, large. */
export type Aim = { of: 'ratio' | 'figure' } & ({ atMost: number } | { atLeast: number });

export interface Table {
  title: string;
  /** What rbee's figures are compared with. */
  beside: string;
  /** Peers with a column each, in place of one for `beside`. */
  others?: string[];
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
