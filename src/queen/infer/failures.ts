import { scopeOf, type JobError, type ErrorCode, type ErrorScope } from '../../contract/index.ts';

// What follows for an infer request from the error of one attempt. Everything derives from the scope and the recovery of the code.

const NOWHERE: ReadonlySet<ErrorScope> = new Set<ErrorScope>(['request', 'defect']);
/** A hive more or less changes nothing for what the request names, and for a full queue. */
const ANY_HIVE: ReadonlySet<ErrorScope> = new Set<ErrorScope>(['request', 'name', 'queue']);

/** Whether another place may serve the request. */
export function mayRunElsewhere({ code }: JobError): boolean {
  return !NOWHERE.has(scopeOf(code));
}

/** Whether another worker of the same hive would fail too. */
export function isOfHive({ code }: JobError): boolean {
  return scopeOf(code) !== 'worker';
}

/** Whether a hive that cannot be reached now may be back soon. */
export function mayComeBack({ code, retryable }: JobError): boolean {
  const scope = scopeOf(code);
  return retryable && (scope === 'hive' || scope === 'connection');
}

/** Whether a process, or the connection to it, has ended: a request that only waited there is not at fault, however often that happens. */
export function hasPeerEnded(error: JobError): boolean {
  // The worker that the queen chose was gone before the request arrived.
  if (error.code === 'worker_not_found') return true;
  return error.retryable && (scopeOf(error.code) === 'worker' || mayComeBack(error));
}

/** Whether the refusal of a placement stands, whatever other hives come up. */
export function isForAnyHive(code: ErrorCode): boolean {
  return ANY_HIVE.has(scopeOf(code));
}
