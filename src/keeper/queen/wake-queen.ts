import { setTimeout as sleep } from 'node:timers/promises';
import { JobError } from '../../contract/index.ts';
import { hivePort, homePaths, isAlive, readPidfile, startDaemon, workerPorts } from '../../daemon/index.ts';
import type { Peer } from '../../jobs/client.ts';
import type { Step } from '../shown.ts';
import { findQueen } from './find-queen.ts';
import { queenAddress, queenPeer, type QueenAddress } from './queen-address.ts';

/** From the start of the process until it reports that it is ready. */
const START_DEADLINE_MS = 20_000;
/** From the end of a start, by this keeper or another one, to a healthy answer. */
const HEALTHY_DEADLINE_MS = 10_000;
const HEALTHY_POLL_MS = 50;

export interface Waking {
  narrate: (step: Step) => Promise<void>;
  /** Cancels the start and stops the process. */
  signal: AbortSignal;
}

/** The queen, awake: one that is asleep on this machine is woken. Throws what findQueen and startDaemon throw. */
export async function reachQueen({ narrate, signal }: Waking): Promise<Peer> {
  const address = queenAddress();
  if (!address.isElsewhere) requireSettings();
  const presence = await findQueen(address);
  if (presence.kind === 'awake') return queenPeer(address);
  if (address.isElsewhere) throw new JobError('queen_unreachable', `Failed to connect to queen: ${presence.reason}`);
  await requireOnlyQueen(address);
  await narrate({ action: 'queen_start', human: 'queen is asleep, waking queen' });
  await startQueen(address, { narrate, signal });
  await untilHealthy(address, signal);
  await narrate({ action: 'queen_start', human: 'queen is awake and healthy' });
  return queenPeer(address);
}

/** A second queen of one home would share its catalog and its logs with the first. */
async function requireOnlyQueen({ port }: QueenAddress): Promise<void> {
  const read = await readPidfile(homePaths().run, 'queen');
  if (read.kind !== 'found' || read.pidfile.port === port || !(await isAlive(read.pidfile))) return;
  const { port: other, pid } = read.pidfile;
  const sentence = `The queen of this home runs on port ${other} (pid ${pid}), and RBEE_QUEEN_PORT is ${port}. Set it to ${other}, or stop that queen first: RBEE_QUEEN_PORT=${other} rbee down`;
  throw new JobError('invalid_input', sentence, { hint: '' });
}

/** The settings of the daemons that the queen will start: a mistake is found before any of them is woken with it. */
function requireSettings(): void {
  hivePort();
  workerPorts();
}

/** Two keepers may wake the queen at once: the port is the lock, and the keeper without it uses the other's queen. */
async function startQueen({ port }: QueenAddress, { narrate, signal }: Waking): Promise<void> {
  try {
    await startDaemon({
      name: 'queen',
      args: ['queen', 'run', '--port', String(port)],
      logFile: homePaths().logFile('queen'),
      readyWithinMs: START_DEADLINE_MS,
      signal,
      onStep: (step) => {
        if (step.kind === 'narration') void narrate({ ...step.data, detail: step.data.detail ?? false });
      },
    });
  } catch (cause) {
    if (!(cause instanceof JobError) || cause.code !== 'port_taken') throw cause;
  }
}

async function untilHealthy(address: QueenAddress, signal: AbortSignal): Promise<void> {
  const deadline = performance.now() + HEALTHY_DEADLINE_MS;
  let why = '';
  while (performance.now() < deadline) {
    try {
      const presence = await findQueen(address);
      if (presence.kind === 'awake') return;
      why = presence.reason;
    } catch (cause) {
      // A queen that another keeper has just started is bound but not open yet, and briefly looks frozen.
      if (!(cause instanceof JobError) || cause.code !== 'queen_unreachable') throw cause;
      why = cause.message;
    }
    await sleep(HEALTHY_POLL_MS, undefined, { signal });
  }
  throw new JobError(
    'deadline_exceeded',
    `The queen was not healthy within ${HEALTHY_DEADLINE_MS / 1000} s of its start: ${why}`,
  );
}
