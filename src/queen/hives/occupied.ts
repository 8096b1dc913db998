import { isDeepStrictEqual } from 'node:util';
import { hiveAndSshFlags, JobError, sshLogin, sshName, type SshTarget } from '../../contract/index.ts';
import { resolveTarget } from '../../machines/index.ts';
import type { HiveCatalog } from './hive-catalog.ts';

export interface Wanted {
  hiveId: string;
  /** The machine that it is installed on. */
  ssh: SshTarget;
}

/**
 * The error for a machine that has the hive `by` of this fleet already. That name may be registered for this machine, for another one
 * because it has moved, or not at all.
 */
export async function occupied(by: string, wanted: Wanted, { hives, signal }: { hives: HiveCatalog; signal: AbortSignal }) {
  const { hiveId, ssh } = wanted;
  const there = `${sshName(ssh)} has the hive '${by}' of this fleet already`;
  const replace = `put '${hiveId}' in its place: ssh ${sshLogin(ssh)} rm .rbee/fleet, and try again`;
  // It was installed, and is no longer where it is registered.
  const forget =
    hives.find(hiveId)?.version === undefined
      ? ''
      : `. To forget '${hiveId}' alone: rbee hive uninstall ${hiveId} --catalog-only`;
  const known = hives.find(by);
  return new JobError('install_failed', `${await sentence()}${forget}`);

  async function sentence(): Promise<string> {
    if (known === undefined)
      return `${there}, which is no longer registered. To take it back: rbee hive install ${hiveAndSshFlags(by, ssh)}. Or ${replace}`;
    if (known.ssh !== undefined && (await isSameWay(known.ssh, ssh, signal)))
      return `${there}. Use that name, or remove it first: rbee hive uninstall ${by}`;
    const place = known.ssh === undefined ? `${known.host}:${known.port}` : sshName(known.ssh);
    return `${there}, which is registered at ${place} now. If that is the same machine, use that name. If not, ${replace}`;
  }
}

/** The same user of the same machine, as far as OpenSSH's files tell. */
async function isSameWay(one: SshTarget, other: SshTarget, signal: AbortSignal): Promise<boolean> {
  if (isDeepStrictEqual(one, other)) return true;
  return isDeepStrictEqual(...(await Promise.all([resolveTarget(one, signal), resolveTarget(other, signal)])));
}
