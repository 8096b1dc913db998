import { JobError, type Health } from '../../contract/index.ts';
import { homePaths, isAlive, probe, readPidfile, type Presence } from '../../daemon/index.ts';
import { queenToken, type QueenAddress } from './queen-address.ts';

/** Only a frozen queen makes anybody wait for it: an absent one refuses the connection at once. */
const PROBE_DEADLINE_MS = 3_000;

export type QueenPresence =
  { kind: 'awake'; health: Health } | { kind: 'asleep'; /** For people, such as 'connection refused'. */ reason: string };

/**
 * Whether our queen is awake.
 * @throws JobError port_taken, version_mismatch or queen_unreachable when what is there is not a queen that can be used
 */
export async function findQueen(address: QueenAddress): Promise<QueenPresence> {
  const token = queenToken();
  const presence = await probe(address.host, address.port, {
    withinMs: PROBE_DEADLINE_MS,
    ...(token === undefined ? {} : { token }),
  });
  switch (presence.kind) {
    case 'absent':
      return { kind: 'asleep', reason: presence.reason };
    case 'frozen':
      throw await frozen(address);
    case 'stranger':
      throw stranger(address, presence);
    case 'ours':
      requireOurs(address, presence.health);
      return { kind: 'awake', health: presence.health };
  }
}

function requireOurs(address: QueenAddress, { role, home, version }: Health): void {
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

function stranger(address: QueenAddress, { what }: Extract<Presence, { kind: 'stranger' }>): JobError {
  const { host, port, isElsewhere } = address;
  const sentence = isElsewhere
    ? `What listens on port ${port} of ${host} is no queen: it ${what}. ${mendPort(address)}`
    : `Port ${port} is taken by another program: what listens there ${what}. ${mendPort(address)}`;
  return new JobError('port_taken', sentence);
}

function mendPort({ isElsewhere }: QueenAddress): string {
  return isElsewhere ? 'Check RBEE_QUEEN_URL.' : 'Choose another port: set RBEE_QUEEN_PORT.';
}

async function frozen({ host, port, isElsewhere }: QueenAddress): Promise<JobError> {
  const seconds = PROBE_DEADLINE_MS / 1000;
  const read = isElsewhere ? undefined : await readPidfile(homePaths().run, 'queen');
  if (read?.kind === 'found' && (await isAlive(read.pidfile))) {
    const { pid } = read.pidfile;
    const sentence = `The queen (pid ${pid}) takes connections and has not answered within ${seconds} s. If it stays so, end it: kill -9 ${pid}`;
    return new JobError('queen_unreachable', sentence);
  }
  const where = `What listens on port ${port} of ${host}`;
  return new JobError('queen_unreachable', `${where} takes connections and has not answered within ${seconds} s.`);
}
