import { JobError } from '../../contract/index.ts';
import { readReply, runScript, type HiveSite } from './site.ts';

/** The fleet and the hive that a machine belongs to, as recorded on it. */
export interface Owner {
  /** Home id of the queen that installed its hive. */
  fleet?: string | undefined;
  /** As `recordedName` writes it; undefined where no hive is installed or its name is not recorded. */
  hive?: string | undefined;
}

/**
 * Shell functions that read ~/.rbee/fleet: the fleet, then the hive's name. Both are in one file, so that they are changed and deleted
 * together. The name counts only while a hive is installed: an interrupted first install reserves nothing.
 */
export const OWNER = `
fleet_noted() { sed -n 1p "$root/fleet" 2>/dev/null || :; }
hive_noted() { [ ! -e "$root/current" ] || sed -n 2p "$root/fleet" 2>/dev/null || :; }
`;

const ASK = `
${OWNER}
echo "fleet $(fleet_noted)"
echo "hive $(hive_noted)"
`;

/** A hive's name on one line, whatever characters it contains. */
export function recordedName(hiveId: string): string {
  return JSON.stringify(hiveId);
}

/** @throws JobError install_failed when the machine belongs to another fleet, or to another hive of this one */
export async function requireOwn(site: HiveSite, { fleet, hive }: Owner): Promise<void> {
  if (fleet === undefined || fleet === '') return;
  if (fleet !== site.fleet) throw foreignError(fleet);
  if (hive !== undefined && hive !== '' && hive !== recordedName(site.hiveId)) throw await site.occupied(nameIn(hive));
}

/** The same, for the current record on the machine. */
export async function requireOwnMachine(site: HiveSite): Promise<void> {
  const reply = readReply(await runScript(site, ASK));
  await requireOwn(site, { fleet: reply.get('fleet'), hive: reply.get('hive') });
}

/** Says how to take the machine over. */
function foreignError(fleet: string): JobError {
  const sentence = `The hive on this machine was installed by another fleet (${fleet}). To take it over, run on that machine: rm ~/.rbee/fleet. Then try again`;
  return new JobError('install_failed', sentence);
}

function nameIn(line: string): string {
  try {
    return String(JSON.parse(line));
  } catch {
    // Edited by hand.
    return line;
  }
}
