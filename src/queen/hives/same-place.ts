import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { JobError, LOOPBACK, type Hive } from '../../contract/index.ts';
import type { HiveCatalog } from './hive-catalog.ts';

/** A name server that does not answer does not keep a hive from being registered. */
const LOOKUP_DEADLINE_MS = 1_000;
const THIS_MACHINE = 'this machine';

/**
 * One hive under two names would be counted, and get work, twice. Behind SSH a port belongs to the other machine, and what is installed there
 * names its hive.
 * @throws JobError hive_exists
 */
export async function requireOtherPlace({ hive_id, host, port }: Hive, hives: HiveCatalog): Promise<void> {
  const others = hives.list().filter((hive) => hive.hive_id !== hive_id && hive.transport !== 'ssh' && hive.port === port);
  if (others.length === 0) return;
  const [place, ...places] = await Promise.all([placeOf(host), ...others.map((hive) => placeOf(hive.host))]);
  const at = places.findIndex((other) => other === place);
  const same = others[at];
  if (same === undefined) return;
  const where = `${same.host}:${same.port}`;
  const next = `Use that name, or forget it first: rbee hive delete ${same.hive_id}`;
  throw new JobError('hive_exists', `Hive '${same.hive_id}' is registered at ${where} already. ${next}`);
}

/** The address that a host name stands for now; the name itself where there is none. */
async function placeOf(host: string): Promise<string> {
  const name = host.toLowerCase();
  const found = isIP(name) > 0 ? name : await Promise.race([addressOf(name), delay(LOOKUP_DEADLINE_MS, name, { ref: false })]);
  const own = Object.values(networkInterfaces()).flatMap((addresses) => (addresses ?? []).map(({ address }) => address));
  return [LOOPBACK, '::1', ...own].includes(found) ? THIS_MACHINE : found;
}

async function addressOf(name: string): Promise<string> {
  try {
    return (await lookup(name)).address;
  } catch {
    return name; // It may have an address later; for now it is a place of its own.
  }
}
