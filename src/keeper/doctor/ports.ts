import { JobError, LOOPBACK, type Role } from '../../contract/index.ts';
import { firstFreePort, hivePort, homeTrust, probe, queenPort, workerPorts, type Probe } from '../../daemon/index.ts';
import { uptime } from '../show/units.ts';
import { unwell, well, type Check } from './check.ts';
import { portHolder, type PortHolder } from './port-holder.ts';

const PROBE_DEADLINE_MS = 2_000;
/** Of a range in which no port is free, so many holders are named. */
const SHOWN_HOLDERS = 3;

export function checkQueenPort(): Promise<Check> {
  return checkPort({ role: 'queen', port: queenPort(), variable: 'RBEE_QUEEN_PORT' });
}

export function checkHivePort(): Promise<Check> {
  return checkPort({ role: 'hive', port: hivePort(), variable: 'RBEE_HIVE_PORT' });
}

interface OwnPort {
  role: Role;
  port: number;
  /** The environment variable that sets the port. */
  variable: string;
}

async function checkPort(own: OwnPort): Promise<Check> {
  const { role, port, variable } = own;
  const found = await probe(LOOPBACK, port, { withinMs: PROBE_DEADLINE_MS, trust: homeTrust() });
  switch (found.kind) {
    case 'absent':
      return checkFree(own);
    case 'rbee':
      return checkOwn(own, found);
    case 'unproven':
      return checkUnproven(own, found, await portHolder(port));
    case 'frozen': {
      const holder = await portHolder(port);
      const stop = holder === undefined ? 'stop it' : `stop it: kill -9 ${holder.pid}`;
      return unwell(role, `port ${port}: the program there does not answer${by(holder)}`, `${stop}. Or set ${variable}`);
    }
    case 'stranger':
      return unwell(
        role,
        `port ${port} is used by another program${by(await portHolder(port))}: it ${found.what}`,
        `stop it, or set ${variable} to another port`,
      );
  }
}

/** An older rbee cannot prove its identity, so what the program reports about itself is quoted as a claim. */
function checkUnproven(
  { role, port, variable }: OwnPort,
  { health }: Extract<Probe, { kind: 'unproven' }>,
  holder: PortHolder | undefined,
): Check {
  const claim = `a program that claims to be the ${health.role} of rbee ${health.version} and does not prove that it is of this home`;
  return unwell(
    role,
    `port ${port} is used by ${claim}${by(holder)}`,
    `if it is yours, stop it: rbee down. Otherwise set ${variable} to another port`,
  );
}

function checkOwn({ role, port, variable }: OwnPort, { health }: Extract<Probe, { kind: 'rbee' }>): Check {
  const daemon = `${health.role} of rbee ${health.version}, pid ${health.pid}`;
  if (health.role !== role) {
    return unwell(role, `port ${port} is used by the ${daemon}`, `set ${variable} to another port`);
  }
  if (health.version !== __RBEE_VERSION__) {
    return unwell(
      role,
      `awake on port ${port}, but as ${daemon}; this is rbee ${__RBEE_VERSION__}`,
      'restart the fleet: rbee down',
    );
  }
  return well(role, `awake on port ${port}: rbee ${health.version}, pid ${health.pid}, up ${uptime(health.uptime_s)}`);
}

/** Nothing answers there, but the port may still be bound or forbidden. */
async function checkFree({ role, port, variable }: OwnPort): Promise<Check> {
  try {
    await firstFreePort({ first: port, last: port }, LOOPBACK);
    return well(role, `asleep; port ${port} is free`);
  } catch (error) {
    if (!(error instanceof JobError)) throw error;
    return unwell(role, `port ${port} cannot be used${by(await portHolder(port))}`, `set ${variable} to another port`);
  }
}

export async function checkWorkerPorts(): Promise<Check> {
  const name = 'worker ports';
  const range = workerPorts();
  try {
    const free = await firstFreePort(range, LOOPBACK);
    return well(name, `${range.first} to ${range.last}; the next is ${free}`);
  } catch (error) {
    if (!(error instanceof JobError) || error.code !== 'port_taken') throw error;
    const ports = Array.from({ length: Math.min(SHOWN_HOLDERS, range.last - range.first + 1) }, (_port, at) => range.first + at);
    const holders = await Promise.all(ports.map(async (port) => `${port}${by(await portHolder(port))}`));
    const more = range.last - range.first + 1 > SHOWN_HOLDERS ? ' …' : '';
    return unwell(name, `none is free: ${holders.join(', ')}${more}`, 'set RBEE_WORKER_PORTS to others, such as 19001-19100');
  }
}

function by(holder: PortHolder | undefined): string {
  return holder === undefined ? '' : ` (${holder.name}, pid ${holder.pid})`;
}
