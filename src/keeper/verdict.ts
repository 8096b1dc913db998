import { isExplanation } from './show/explanation.ts';
import { isSshTest } from './show/ssh.ts';

/** Operations that ask something which may be answered with no. Their jobs have completed all the same. */
const NO: Readonly<Record<string, (result: unknown) => boolean>> = {
  explain: (result) => isExplanation(result) && result.decision === 'refuse',
  ssh_test: (result) => isSshTest(result) && !result.reachable,
};

export function isNo(operation: string, result: unknown): boolean {
  return NO[operation]?.(result) ?? false;
}
