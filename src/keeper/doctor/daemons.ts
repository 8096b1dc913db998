import { actorOf, JobError, type Role } from '../../contract/index.ts';
import { firstFreePort, hivePort, ofThisHome, probe, queenPort, workerPorts, type Presence } from '../../daemon/index.ts';
import { localProcesses } from '../commands/local-processes.ts';
import { count, uptime } from '../show/units.ts';
import { surviving, unwell, well, type Check } from './check.ts';
import { portHolder, type PortHolder } from './port-holder.ts';

const LOOPBACK = '127.0.0.1';
const PROBE_DEADLINE_MS = 2_000;

/** The ports of the three daemons and who has them, and what ended without cleaning up. */
export async function checkDaemons(): Promise<Check[]> {
  return Promise.all([
    surviving('queen', () => checkPort({ role: 'queen', port: queenPort(), variable: 'RBEE_QUEEN_PORT' })),
    surviving('hive', () => checkPort({ role: 'hive', port: hivePort(), variable: 'RBEE_HIVE_PORT' })),
    surviving('worker ports', checkWorkerPorts),
    surviving('processes', checkPidfiles),
  ]);
}

interface OwnPort {
  role: Role;
  port: number;
  /** Moves the port. */
  variable: string;
}

async function checkPort(own: OwnPort): Promise<Check> {
  const { role, port, variable } = own;
  const presence = await probe(LOOPBACK, port, { withinMs: PROBE_DEADLINE_MS, trust: ofThisHome() });
  switch (presence.kind) {
    case 'absent':
      return checkFree(own);
    case 'ours':
      return checkOurs(own, presence);
    case 'unproven':
      return checkUnproven(own, presence, await portHolder(port));
    case 'frozen': {
      const holder = await portHolder(port);
      const mend = holder === undefined ? 'end it' : `end it: kill -9 ${holder.pid}`;
      return unwell(
        role,
        `port ${port}: what listens there does not answer${by(holder)}`,
        `${mend}. Or choose another port: ${variable}`,
      );
    }
    case 'stranger':
      return unwell(
        role,
        `port ${port} is taken by another program${by(await portHolder(port))}: it ${presence.what}`,
        `end it, or choose another port: ${variable}`,
      );
  }
}

/** An older rbee cannot prove anything. What another program says of itself is quoted as that. */
function checkUnproven(
  { role, port, variable }: OwnPort,
  { health }: Extract<Presence, { kind: 'unproven' }>,
  holder: PortHolder | undefined,
): Check {
  const who = `what says that it is the ${health.role} of rbee ${health.version}, and does not prove that it is of this home`;
  return unwell(
    role,
    `port ${port} is taken by ${who}${by(holder)}`,
    `if it is yours, end it: rbee down. Or choose another port: ${variable}`,
  );
}

function checkOurs({ role, port, variable }: OwnPort, { health }: Extract<Presence, { kind: 'ours' }>): Check {
  const who = `${health.role} of rbee ${health.version}, pid ${health.pid}`;
  if (health.role !== role) {
    return unwell(role, `port ${port} is taken by the ${who}`, `choose another port: ${variable}`);
  }
  if (health.version !== __RBEE_VERSION__) {
    return unwell(role, `awake on port ${port}, but as ${who}; this is rbee ${__RBEE_VERSION__}`, 'restart the fleet: rbee down');
  }
  return well(role, `awake on port ${port}: rbee ${health.version}, pid ${health.pid}, up ${uptime(health.uptime_s)}`);
}

/** Nobody answers; but the port may still be bound, or forbidden. */
async function checkFree({ role, port, variable }: OwnPort): Promise<Check> {
  try {
    await firstFreePort({ first: port, last: port }, LOOPBACK);
    return well(role, `asleep; port ${port} is free`);
  } catch (error) {
    if (!(error instanceof JobError)) throw error;
    return unwell(role, `port ${port} cannot be used${by(await portHolder(port))}`, `choose another port: ${variable}`);
  }
}

async function checkWorkerPorts(): Promise<Check> {
  const range = workerPorts();
  try {
    const free = await firstFreePort(range, LOOPBACK);
    return well('worker ports', `${range.first} to ${range.last}; the next is ${free}`);
  } catch (error) {
    if (!(error instanceof JobError)) throw error;
    // What the message says to do next is for others: it leads here.
    const says = error.message.replace(/ End it, .*$/, '');
    return unwell('worker ports', says, 'set RBEE_WORKER_PORTS to others, such as 19001-19100');
  }
}

async function checkPidfiles(): Promise<Check> {
  const { running, stale } = await localProcesses();
  if (stale.length === 0)
    return well('processes', `${running.length === 0 ? 'no daemon' : count(running.length, 'daemon')} of this home running`);
  const names = stale.map(({ role, name, pid }) => `${name === role ? actorOf[role] : name} (pid ${pid})`).join(', ');
  return unwell('processes', `ended without a word: ${names}`, 'clean up: rbee down. Its log has the cause: rbee queen logs');
}

function by(holder: PortHolder | undefined): string {
  return holder === undefined ? '' : ` (${holder.name}, pid ${holder.pid})`;
}
