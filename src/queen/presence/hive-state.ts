import { JobError, type ErrorCode, type HiveReport } from '../../contract/index.ts';
import { networkCode } from '../../jobs/index.ts';

/** Whether a hive gets work. `asleep` is a local hive that does not run, and is started when a job needs it. */
export type HiveState = { kind: 'up' } | ({ kind: 'asleep' | 'out' } & WhyNot);

export interface WhyNot {
  /** Completes "hive 'attic' …". */
  why: string;
  /** Of the error behind it. */
  code: ErrorCode;
  /** Its port was closed: no process listens there. */
  isPortClosed?: true;
}

/** Of a hive that has reported all of its state. A hive of another version could misunderstand the queen, or be misunderstood. */
export function stateOf(report: HiveReport | undefined): HiveState {
  if (report === undefined) return { kind: 'out', why: 'has not reported its machine', code: 'hive_bad_response' };
  if (report.version === __RBEE_VERSION__) return { kind: 'up' };
  return {
    kind: 'out',
    why: `runs rbee ${report.version}, and the queen ${__RBEE_VERSION__}. Bring it to this version: rbee hive update ${report.hive_id}`,
    code: 'version_mismatch',
  };
}

/** @param cause what ended the connection to the hive, or kept it from being made */
export function whyNot(hiveId: string, cause: unknown): WhyNot {
  const why = `cannot be reached: ${cause instanceof Error ? cause.message : String(cause)}`;
  if (!(cause instanceof JobError)) return { why, code: 'hive_unreachable' };
  if (cause.code === 'hive_stopped') return stopped(hiveId);
  const isPortClosed = networkCode(cause.cause) === 'ECONNREFUSED';
  return { why, code: cause.code, ...(isPortClosed ? { isPortClosed } : {}) };
}

export function stopped(hiveId: string): WhyNot {
  return { why: `is stopped. Start it: rbee hive start ${hiveId}`, code: 'hive_stopped' };
}
