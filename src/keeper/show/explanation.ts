import type { Candidate, Explanation } from '../../contract/index.ts';
import { filledHint, hintOf } from '../hints.ts';
import type { KnownInput } from '../shown.ts';
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

/** The decision as a sentence, then every candidate: the chosen one first. */
export function explanationText({ says, code, candidates }: Explanation, look: Look, input: KnownInput): string {
  const sentence = wrapped(`${says}${hintBelow(code, input)}`, look.columns).join('\n');
  if (candidates.length === 0) return sentence;
  const chosenFirst = candidates.toSorted((a, b) => Number(b.verdict === 'chosen') - Number(a.verdict === 'chosen'));
  return `${sentence}\n\n${table(chosenFirst, filled(chosenFirst, candidateColumns), look)}`;
}

/** What to do about a refusal. For lack of memory, the table says it better. */
function hintBelow(code: Explanation['code'], input: KnownInput): string {
  const hint = code === undefined || code === 'no_room' ? undefined : hintOf(code);
  return hint === undefined ? '' : `\n${filledHint(hint, input)}`;
}
