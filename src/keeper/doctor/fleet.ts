import { type Hive, type OutputOf } from '../../contract/index.ts';
import { requireOwnToken } from '../../daemon/index.ts';
import type { Peer } from '../../jobs/client.ts';
import { askQueen } from '../queen/ask-queen.ts';
import { findQueen } from '../queen/find-queen.ts';
import { awayText, queenAddress, queenPeer } from '../queen/queen-address.ts';
import { uptime } from '../show/units.ts';
import { optional, surviving, unwell, well, type Check } from './check.ts';
import { checkHivePort, checkQueenPort, checkWorkerPorts } from './ports.ts';

const ANSWER_DEADLINE_MS = 5_000;

/** The queen that the next command would use, its hives, and the ports of this machine. */
export async function checkFleet(): Promise<Check[]> {
  const ports = [surviving('hive', checkHivePort), surviving('worker ports', checkWorkerPorts)];
  const isElsewhere = Boolean(process.env['RBEE_QUEEN_URL']);
  const queen = await surviving('queen', () => {
    requireOwnToken();
    return isElsewhere ? checkQueenElsewhere() : checkQueenPort();
  });
  const hives = await surviving('hives', () => checkHives(queen));
  // The queen of another machine does not use the ports of this one.
  const own = (await Promise.all(ports)).map((check) => (isElsewhere ? optional(check) : check));
  return [queen, hives, ...own];
}

/** @throws JobError where another program, or another version of rbee, answers there */
async function checkQueenElsewhere(): Promise<Check> {
  const address = queenAddress();
  const presence = await findQueen(address);
  if (presence.kind === 'asleep')
    return unwell('queen', awayText(address, presence.reason), 'start it on its machine, or unset RBEE_QUEEN_URL');
  const { version, uptime_s } = presence.health;
  return well('queen', `awake at ${address.host}:${address.port} (RBEE_QUEEN_URL): rbee ${version}, up ${uptime(uptime_s)}`);
}

/** Only the queen knows its hives, and doctor does not wake it. */
async function checkHives(queen: Check): Promise<Check> {
  if (queen.state !== 'ok') return { name: 'hives', state: 'not checked', says: 'not checked, because of the queen' };
  const address = queenAddress();
  const presence = await findQueen(address);
  if (presence.kind === 'asleep')
    return { name: 'hives', state: 'not checked', says: 'not checked: only an awake queen knows them (rbee queen start)' };
  return hivesCheck(await hivesOf(queenPeer(address)));
}

type SeenHive = OutputOf<'status'>['hives'][number] & Pick<Hive, 'stopped'>;

async function hivesOf(queen: Peer): Promise<SeenHive[]> {
  const signal = AbortSignal.timeout(ANSWER_DEADLINE_MS);
  const [{ hives }, registered] = await Promise.all([
    askQueen(queen, { operation: 'status', input: {}, signal }),
    askQueen(queen, { operation: 'hive_list', input: {}, signal }),
  ]);
  const stopped = new Set(registered.hives.flatMap((each) => (each.stopped === true ? [each.hive_id] : [])));
  return hives.map((each) => ({ ...each, stopped: stopped.has(each.hive_id) }));
}

/** A hive that was stopped on purpose is wrong only where no other hive can run a request. */
export function hivesCheck(hives: readonly SeenHive[]): Check {
  const name = 'hives';
  if (hives.length === 0) return unwell(name, 'no hive is registered, so no request can run', 'set one up: rbee hive install');
  const says = hives.map(described).join(', ');
  const broken = hives.filter(({ state }) => state === 'unreachable');
  const fixes = broken.map(({ hive_id }) => `check: rbee hive status ${hive_id}`);
  const canRun = hives.some(({ state, stopped }) => state === 'running' || (state === 'stopped' && stopped !== true));
  if (!canRun) fixes.push(...hives.filter(({ stopped }) => stopped).map(({ hive_id }) => `start it: rbee hive start ${hive_id}`));
  return fixes.length === 0 ? well(name, says) : unwell(name, says, fixes.join('; '));
}

function described({ hive_id, state, stopped, reason }: SeenHive): string {
  if (state === 'running') return `'${hive_id}' is running`;
  if (stopped === true) return `'${hive_id}' was stopped on purpose`;
  if (state === 'stopped') return `'${hive_id}' is asleep until it is needed`;
  return `'${hive_id}' is unreachable${reason === undefined ? '' : ` (${reason})`}`;
}
