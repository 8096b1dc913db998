import { explanation, type Candidate, type Explanation } from '../../contract/index.ts';
import type { Look } from './look.ts';
import { filled, table, type Column } from './table.ts';

const candidateColumns: Column<Candidate>[] = [
  { title: 'HIVE', cell: (each) => each.hive_id },
  { title: 'DEVICE', cell: (each) => each.device },
  { title: 'WORKER', cell: (each) => each.worker_id ?? '' },
  { title: 'VERDICT', cell: (each) => each.verdict },
  { title: 'WHY', cell: (each) => each.reason, narrow: 'below' },
];

export const isExplanation = (value: unknown): value is Explanation => explanation.safeParse(value).success;

/** The decision in its sentence, and every place that there was: the chosen one first. */
export function explanationText({ says, candidates }: Explanation, look: Look): string {
  if (candidates.length === 0) return says;
  const chosenFirst = candidates.toSorted((a, b) => Number(b.verdict === 'chosen') - Number(a.verdict === 'chosen'));
  return `${says}\n\n${table(chosenFirst, filled(chosenFirst, candidateColumns), look)}`;
}
