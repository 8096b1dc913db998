import type { WireError } from '../../src/contract/index.ts';
import type { Followed } from './follow.ts';
import type { Incidents } from './incidents.ts';
import { resultOf, textOf } from './requests.ts';

/** A job as its client saw it. */
export interface Story {
  jobId: string;
  postedAt: number;
  followed: Followed;
  /** What an `infer` says when nothing is in the way; undefined for other operations. */
  reference: string | undefined;
  /** What the queen answered when its end was asked for. */
  cancelStatus: number | undefined;
}

export interface Verdict {
  /** How it ended: 'result', 'cancelled', or the code of its failure. */
  ending: string;
  problems: string[];
}

/** Pure: whether a job ended as it may, given what happened meanwhile. */
export function judge(story: Story, incidents: Incidents): Verdict {
  const { followed } = story;
  const last = followed.events.at(-1);
  const verdict: Verdict = { ending: 'none', problems: [...followed.problems] };
  if (last === undefined || verdict.problems.length > 0) return verdict;
  verdict.problems.push(...textProblems(story));
  verdict.ending = last.kind === 'failed' ? (JSON.parse(last.json) as WireError).code : last.kind;
  const why = whyNot(story, verdict.ending, incidents);
  if (verdict.ending === 'interrupted') {
    const struck = [...incidents.struck(story.postedAt, followed.endedAt)].sort().join(', ');
    verdict.ending = `interrupted ${hasAnswer(followed) ? 'in mid-answer' : 'before the answer began'}; struck meanwhile: ${struck}`;
  }
  if (why !== undefined) verdict.problems.push(`${why}: ${last.json}`);
  return verdict;
}

function textProblems({ followed, reference }: Story): string[] {
  if (reference === undefined) return [];
  const text = textOf(followed);
  const result = resultOf(followed);
  if (result === undefined) return reference.startsWith(text) ? [] : [`its text is not the beginning of its reference: ${text}`];
  if (text !== reference) return [`its text is not its reference: ${text}`];
  return result.text === reference ? [] : [`the text of its result is not its reference: ${result.text}`];
}

/** @returns why a job must not end so, or undefined */
function whyNot({ followed, postedAt, cancelStatus }: Story, ending: string, incidents: Incidents): string | undefined {
  const met = incidents.during(postedAt, followed.endedAt);
  if (cancelStatus === 200 && ending !== 'cancelled') return 'its cancellation was confirmed, and it went on';
  switch (ending) {
    case 'result':
      return undefined;
    case 'cancelled':
      return cancelStatus === undefined ? 'no client cancelled it' : undefined;
    case 'worker_died':
      return met.has('worker') ? undefined : 'no worker died in its time';
    case 'interrupted':
      // A job that only the killed process had is lost with it; a job with tokens exists in two processes.
      if (met.has('queen') && met.has('hive')) return undefined;
      if (met.has('queen') && !hasAnswer(followed)) return undefined;
      return 'no two processes died in its time';
    default:
      return 'it failed as none should';
  }
}

function hasAnswer({ events }: Followed): boolean {
  return events.some(({ kind }) => kind === 'token');
}
