import { JobError, type Health } from '../../contract/index.ts';
import { homePaths, isAlive, probe, readPidfile, type Pidfile, type Probe } from '../../daemon/index.ts';
import { queenPeer, type QueenAddress } from './queen-address.ts';

/** Only a frozen queen makes anybody wait for it: an absent one refuses the connection at once. */
const PROBE_DEADLINE_MS = 3_000;

export type QueenPresence =
  { kind: 'awake'; health: Health } | { kind: 'asleep'; /** For people, such as 'connection refused'. */ reason: string };

/**
 * Whether our queen is awake.
 * @throws JobError port_taken, version_mismatch or queen_unreachable when what is there is not a queen that can be used
 */
export async function findQueen(address: QueenAddress): Promise<QueenPresence> {
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
      requireOurs(address, found.health);
      throw unproven(address);
    case 'rbee':
      requireOurs(address, found.health);
      return { kind: 'awake', health: found.health };
  }
}

function requireOurs(address: QueenAddress, { role, home, version }: Pick<Health, 'role' | 'home' | 'version'>): void {
  const { host, port, isElsewhere } = address;
  if (role !== 'queen') {
    throw new JobError('port_taken', `On port ${port} of ${host} listens a ${role}, not a queen. ${mendPort(address)}`);
  }
  if (!isElsewhere && home !== homePaths().homeId) {
    throw new JobError('port_taken', `On port ${port} listens the queen of another home. ${mendPort(address)}`);
  }
  if (version !== __RBEE_VERSION__) {
    const mend = isElsewhere
      ? 'Use the same version on both machines.'
      : "Restart the fleet with this version: 'rbee down', then run this again.";
    throw new JobError('version_mismatch', `The queen runs rbee ${version}, and this is rbee ${__RBEE_VERSION__}. ${mend}`);
  }
}

async function stranger(address: QueenAddress, { what }: Extract<Probe, { kind: 'stranger' }>): Promise<JobError> {
  const { host, port, isElsewhere } = address;
  // An older queen with a token does not even say what it is.
  const own = isElsewhere ? undefined : await ownPidfile();
  if (own?.port === port) {
    requireOurs(address, { ...own, home: homePaths().homeId });
    const sentence = `The queen of this home (pid ${own.pid}) listens on port ${port}, and does not prove that it is. End it: rbee down`;
    return new JobError('port_taken', sentence);
  }
  const sentence = isElsewhere
    ? `What listens on port ${port} of ${host} is no queen: it ${what}. Nothing secret was sent to it. ${mendPort(address)}`
    : `Port ${port} is taken by another program: what listens there ${what}. Nothing secret was sent to it. ${mendPort(address)}`;
  return new JobError('port_taken', sentence);
}

/** It says that it is what is looked for, as anybody could. */
function unproven({ host, port, isElsewhere }: QueenAddress): JobError {
  if (!isElsewhere) {
    const sentence = `What listens on port ${port} says that it is the queen of this home, and does not prove it. Nothing secret was sent to it. If it is yours, end it: rbee down. Otherwise choose another port: set RBEE_QUEEN_PORT.`;
    return new JobError('port_taken', sentence);
  }
  const sentence = `The queen at ${host}:${port} does not prove that it knows RBEE_TOKEN, so nothing was sent to it. Set the same token here and there.`;
  return new JobError('unauthorized', sentence);
}

async function ownPidfile(): Promise<Pidfile | undefined> {
  const read = await readPidfile(homePaths().run, 'queen');
  return read.kind === 'found' && (await isAlive(read.pidfile)) ? read.pidfile : undefined;
}

function mendPort({ isElsewhere }: QueenAddress): string {
  return isElsewhere ? 'Check RBEE_QUEEN_URL.' : 'Choose another port: set RBEE_QUEEN_PORT.';
}

async function frozen({ host, port, isElsewhere }: QueenAddress): Promise<JobError> {
  const seconds = PROBE_DEADLINE_MS / 1000;
  const own = isElsewhere ? undefined : await ownPidfile();
  if (own !== undefined) {
    const { pid } = own;
    const sentence = `The queen (pid ${pid}) takes connections and has not answered within ${seconds} s. If it stays so, end it: kill -9 ${pid}`;
    return new JobError('queen_unreachable', sentence);
  }
  const where = `What listens on port ${port} of ${host}`;
  return new JobError('queen_unreachable', `${where} takes connections and has not answered within ${seconds} s.`);
}
