import { hiveAndSshFlags, LOCALHOST, operations, type OutputOf } from '../../contract/index.ts';

type Uninstalled = OutputOf<'hive_uninstall'>;
type Deleted = OutputOf<'hive_delete'>;

const BACK = "; 'rbee hive install' brings it back";

export const isUninstalled = (value: unknown): value is Uninstalled => operations.hive_uninstall.output.safeParse(value).success;
export const isDeleted = (value: unknown): value is Deleted => operations.hive_delete.output.safeParse(value).success;

export function uninstalledText({ hive_id, catalog_only }: Uninstalled): string {
  if (hive_id === LOCALHOST) return `hive ${hive_id} uninstalled${BACK}`;
  return catalog_only ? `hive ${hive_id} forgotten; its machine is left as it is` : `hive ${hive_id} uninstalled`;
}

/** With what is left of it, and how that is removed. */
export function deletedText({ hive_id, transport, ssh }: Deleted): string {
  if (transport === 'local') return `hive ${hive_id} deleted${BACK}`;
  if (ssh === undefined) return `hive ${hive_id} deleted; what runs there goes on`;
  const sentence = `hive ${hive_id} deleted; what is installed on its machine stays, and goes on if it runs`;
  return `${sentence}\nTo remove it there: rbee hive install ${hiveAndSshFlags(hive_id, ssh)} && rbee hive uninstall ${hive_id}`;
}
