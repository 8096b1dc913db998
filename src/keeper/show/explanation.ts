import { explanation, type Candidate, type Explanation } from '../../contract/index.ts';
import { hintOf } from '../failure.ts';
import { filledHint, isSaidBy, type Said } from '../filled-hint.ts';
import type { Look } from './look.ts';
import { filled, table, type Column } from './table.ts';
import { wrapped } from './width.ts';

const candidateColumns: Column<Candidate>[] = [
  { title: 'HIVE', cell: (each) => each.hive_id, narrow: 'cut' },
  { title: 'DEVICE', cell: (each) => each.device },
  { title: 'WORKER', cell: (each) => each.worker_id ?? '' },
  { title: 'VERDICT', cell: (each) => each.verdict },
  { title: 'WHY', cell: (each) => each.reason, narrow: 'below' },
];

export const isExplanation = (value: unknown): value is Explanation => explanation.safeParse(value).success;

/** The decision in its sentence, and every place that there was: the chosen one first. */
export function explanationText({ says, code, candidates }: Explanation, said: Said, look: Look): string {
  const sentence = wrapped(`${says}${hintBelow(code, says, said)}`, look.columns).join('\n');
  if (candidates.length === 0) return sentence;
  const chosenFirst = candidates.toSorted((a, b) => Number(b.verdict === 'chosen') - Number(a.verdict === 'chosen'));
  return `${sentence}\n\n${table(chosenFirst, filled(chosenFirst, candidateColumns), look)}`;
}

/** What to do about a refusal. That there is no room, the table says better. */
function hintBelow(code: string | undefined, says: string, said: Said): string {
  const hint = code === undefined || code === 'no_room' ? undefined : hintOf(code);
  return hint === undefined || isSaidBy(says, hint) ? '' : `\n${filledHint(hint, said)}`;
}
