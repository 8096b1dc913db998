import type { HiveReport } from '../../contract/index.ts';

/** asleep: it is not heard, and is one that the queen starts, or mends, when it is needed. */
export type HiveState = { kind: 'up' } | { kind: 'asleep' | 'out'; why: string; isStopped?: boolean };

/** A hive of another version would misunderstand, or be misunderstood. */
export function stateOf(report: HiveReport | undefined): HiveState {
  if (report === undefined) return { kind: 'out', why: 'said nothing of its machine' };
  if (report.version === __RBEE_VERSION__) return { kind: 'up' };
  return {
    kind: 'out',
    why: `runs rbee ${report.version}, and the queen ${__RBEE_VERSION__}. Bring it to this version: rbee hive update ${report.hive_id}`,
  };
}
