import type { OperationName } from './operations/index.ts';

/** Operations that only read, or free disk space. */
const names: ReadonlySet<string> = new Set<OperationName>([
  ...(['status', 'explain', 'ssh_test'] as const),
  ...(['hive_list', 'hive_get', 'hive_status', 'hive_start', 'hive_stop', 'hive_uninstall'] as const),
  ...(['worker_list', 'worker_get', 'worker_logs', 'worker_delete'] as const),
  ...(['model_list', 'model_get', 'model_delete'] as const),
]);

/** Whether a job of this operation runs also on a full disk; its events are then kept in memory. */
export function needsNoDisk(operation: string): boolean {
  return names.has(operation);
}
