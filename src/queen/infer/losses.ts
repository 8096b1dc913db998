import type { ErrorCode, JobError } from '../../contract/index.ts';

/** What the worker or the hive was lost to. */
export const LOSSES: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'hive_unreachable',
  'hive_bad_response',
  'hive_not_found',
  'hive_not_installed',
  'ssh_unreachable',
  'ssh_host_key',
  'ssh_denied',
  'ssh_failed',
  'worker_died',
  'worker_unreachable',
  'worker_bad_response',
  'worker_not_found',
  'interrupted',
  'shutting_down',
]);

/** What keeps a model from being loaded there, or the request from being taken, and may not elsewhere. */
export const STARTS: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'no_room',
  'too_many_jobs',
  'worker_start_failed',
  'model_corrupt',
  'model_too_large',
  'device_not_found',
  'download_failed',
  'disk_full',
  'daemon_start_failed',
  'port_taken',
  'version_mismatch',
  'deadline_exceeded',
]);

/** The end of a process, or of the way to it. */
export const ENDS: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'hive_unreachable',
  'interrupted',
  'shutting_down',
  'worker_died',
  'worker_unreachable',
  'worker_not_found',
]);

const OF_WORKER: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'worker_died',
  'worker_unreachable',
  'worker_bad_response',
  'worker_not_found',
  'interrupted',
]);

/** Then another worker of the same hive would fail too. */
export function isOfHive({ code }: JobError): boolean {
  return !OF_WORKER.has(code);
}
