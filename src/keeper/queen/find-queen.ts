import { JobError, type Health } from '../../contract/index.ts';
import {
  homePaths,
  isAlive,
  ownToken,
  probe,
  readPidfile,
  requireOwnToken,
  type Pidfile,
  type Probe,
} from '../../daemon/index.ts';
import { queenPeer, type QueenAddress } from './queen-address.ts';

/** Only a frozen queen takes this long: an absent one refuses the connection at once. */
const PROBE_DEADLINE_MS = 3_000;

const NOTHING_SENT = 'Nothing secret was sent to it.';

export type QueenPresence =
  { kind: 'awake'; health: Health } | { kind: 'asleep'; /** For people, such as 'connection refused'. */ reason: string };

/**
 * Whether the queen is awake.
 * @throws JobError invalid_input for an RBEE_TOKEN that cannot be sent; port_taken, version_mismatch, unauthorized or
 *   queen_unreachable when the program there is not a usable queen
 */
export async function findQueen(address: QueenAddress): Promise<QueenPresence> {
  requireOwnToken();
  const { host, port, trust } = queenPeer(address);
  const found = await probe(host, port, { withinMs: PROBE_DEADLINE_MS, trust });
  switch (found.kind) {
    case 'absent':
      return { kind: 'asleep', reason: found.reason };
    case 'frozen':
      throw await frozen(address);
    case 'stranger':
      throw await stranger(address, found);
    case 'unproven':
      requireQueen(address, found.health);
      throw unproven(address);
    case 'rbee':
      requireQueen(address, found.health);
      return { kind: 'awake', health: found.health };
  }
}

/** A queen, of this home unless it is elsewhere, and of this version. */
function requireQueen(address: QueenAddress, { role, home, version }: Pick<Health, 'role' | 'home' | 'version'>): void {
  const { host, port, isElsewhere } = address;
  if (role !== 'queen') {
    throw new JobError('port_taken', `The program at ${host}:${port} is a ${role}, not a queen.`, {
      hint: chooseAddress(address),
    });
  }
  if (!isElsewhere && home !== homePaths().homeId) {
    throw new JobError('port_taken', `Port ${port} is used by the queen of another home.`, { hint: chooseAddress(address) });
  }
  if (version !== __RBEE_VERSION__) {
    const fix = isElsewhere
      ? 'Use the same version on both machines.'
      : "Restart the fleet with this version: 'rbee down', then run this again.";
    throw new JobError('version_mismatch', `The queen runs rbee ${version}, and this is rbee ${__RBEE_VERSION__}.`, {
      hint: fix,
    });
  }
}

async function stranger(address: QueenAddress, { what, isRefusal }: Extract<Probe, { kind: 'stranger' }>): Promise<JobError> {
  const { host, port, isElsewhere } = address;
  if (isElsewhere && isRefusal) return refused(address);
  // An older queen with a token does not even report its role.
  const own = isElsewhere ? undefined : await ownPidfile();
  if (own?.port === port) {
    requireQueen(address, { ...own, home: homePaths().homeId });
    const sentence = `The queen of this home (pid ${own.pid}) listens on port ${port} but does not prove its identity.`;
    return new JobError('port_taken', sentence, { hint: 'Stop it: rbee down' });
  }
  const sentence = isElsewhere
    ? `The program at ${host}:${port} is not a queen: it ${what}.`
    : `Port ${port} is used by another program: it ${what}.`;
  return new JobError('port_taken', `${sentence} ${NOTHING_SENT}`, { hint: chooseAddress(address) });
}

function refused({ host, port }: QueenAddress): JobError {
  const sentence =
    ownToken() === undefined
      ? `The queen at ${host}:${port} requires a token. Set RBEE_TOKEN to the token of its fleet.`
      : `The queen at ${host}:${port} does not accept RBEE_TOKEN. Set it to the token of its fleet.`;
  return new JobError('unauthorized', sentence, { hint: '' });
}

/** Any program can claim to be a queen. */
function unproven({ host, port, isElsewhere }: QueenAddress): JobError {
  if (!isElsewhere) {
    const sentence = `The program on port ${port} claims to be the queen of this home and does not prove it. ${NOTHING_SENT}`;
    const hint = 'If it is yours, stop it: rbee down. Otherwise choose another port: set RBEE_QUEEN_PORT.';
    return new JobError('port_taken', sentence, { hint });
  }
  const sentence = `The queen at ${host}:${port} does not prove that it knows RBEE_TOKEN, so nothing was sent to it. Set the same token here and there.`;
  return new JobError('unauthorized', sentence, { hint: '' });
}

async function ownPidfile(): Promise<Pidfile | undefined> {
  const read = await readPidfile(homePaths().run, 'queen');
  return read.kind === 'found' && (await isAlive(read.pidfile)) ? read.pidfile : undefined;
}

function chooseAddress({ isElsewhere }: QueenAddress): string {
  return isElsewhere ? 'Check RBEE_QUEEN_URL.' : 'Choose another port: set RBEE_QUEEN_PORT.';
}

async function frozen({ host, port, isElsewhere }: QueenAddress): Promise<JobError> {
  const late = `accepts connections but has not answered within ${PROBE_DEADLINE_MS / 1000} s`;
  const own = isElsewhere ? undefined : await ownPidfile();
  if (own !== undefined) {
    const { pid } = own;
    return new JobError('queen_unreachable', `The queen (pid ${pid}) ${late}. If this persists, stop it: kill -9 ${pid}`, {
      hint: '',
    });
  }
  return new JobError('queen_unreachable', `The program at ${host}:${port} ${late}.`);
}
