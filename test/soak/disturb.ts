import { setTimeout as delay } from 'node:timers/promises';
import { daemonOf, isOf, untilGone, type Daemon } from '../support/daemon-processes.ts';
import { atTheEnd } from '../support/ending.ts';
import type { Fleet } from '../support/built-fleet.ts';
import type { Dice } from './dice.ts';
import type { Incidents } from './incidents.ts';
import { count, type Tally } from './tally.ts';

/** Between two disturbances. */
const LEAST_MS = 2_500;
const MOST_MS = 6_000;
/** A frozen process is detected after 8 s of silence, and killed. */
const FREEZE_DEADLINE_MS = 40_000;
/** Under load, a request needs the hive at once, and the hive its worker. */
const RESTART_DEADLINE_MS = 30_000;
/** Jobs may fail because of a kill this long after it, since their failures are reported one after another. */
const FELT_MS = 15_000;
/** Kills of workers while queen and hive are left alone: within the hive's restart budget. */
const CALM_WORKER_KILLS = 2;

type Kill = 'kill queen' | 'kill hive' | 'kill worker' | 'kill queen and hive' | 'freeze hive' | 'freeze worker';

/** Each round has all of these, in random order. Workers are killed rarely: a hive restarts each one three times. */
const ROUND: Kill[] = [
  ...Array.from({ length: 4 }, () => 'kill queen' as const),
  ...Array.from({ length: 4 }, () => 'kill hive' as const),
  'kill queen and hive',
  'kill worker',
  'freeze hive',
  'freeze worker',
];

export interface DisturbParts {
  fleet: Fleet;
  dice: Dice;
  incidents: Incidents;
  tally: Tally;
  done: Map<string, number>;
  signal: AbortSignal;
}

/** Strikes every few seconds until the signal. When it resolves, its last strike is over. */
export async function disturb(parts: DisturbParts): Promise<void> {
  for (;;) {
    for (const kill of parts.dice.shuffled(ROUND)) {
      await delay(parts.dice.between(LEAST_MS, MOST_MS), undefined, { signal: parts.signal }).catch(() => undefined);
      if (parts.signal.aborted) return;
      await strike(parts, kill);
    }
  }
}

/** A worker now and then, while queen and hive are left alone. */
export async function disturbWorkers(parts: DisturbParts, totalMs: number): Promise<void> {
  for (let kills = 0; kills < CALM_WORKER_KILLS; kills += 1) {
    await delay(totalMs / (CALM_WORKER_KILLS + 1), undefined, { signal: parts.signal }).catch(() => undefined);
    if (parts.signal.aborted) return;
    await strike(parts, 'kill worker');
  }
}

async function strike(parts: DisturbParts, kill: Kill): Promise<void> {
  count(parts.done, kill);
  try {
    await acts[kill](parts);
  } catch (cause) {
    parts.tally.violate(`${kill}: ${(cause as Error).message}`);
  }
}

const acts: Record<Kill, (parts: DisturbParts) => Promise<void>> = {
  'kill queen': async (parts) => {
    await killOne(parts, 'queen');
    await startQueen(parts);
  },
  'kill hive': (parts) => killOne(parts, 'hive'),
  'kill worker': (parts) => killOne(parts, 'worker'),
  'kill queen and hive': async (parts) => {
    await killOne(parts, 'queen');
    await killOne(parts, 'hive');
    await startQueen(parts);
  },
  'freeze hive': (parts) => freeze(parts, 'hive'),
  'freeze worker': (parts) => freeze(parts, 'worker'),
};

async function killOne({ fleet, incidents }: DisturbParts, daemon: Daemon): Promise<void> {
  const pid = await daemonOf(fleet.home, daemon, RESTART_DEADLINE_MS);
  incidents.note(daemon, FELT_MS);
  process.kill(pid, 'SIGKILL');
}

/** As a keeper would: at once, or when the next request needs the queen. */
async function startQueen({ fleet, dice, tally }: DisturbParts): Promise<void> {
  if (dice.falls(0.5)) await delay(dice.between(0, 2_000));
  const { code, stderr } = await fleet.rbee(['queen', 'start']);
  if (code !== 0) tally.violate(`'rbee queen start' ended with ${code}: ${stderr}`);
}

async function freeze({ fleet, incidents }: DisturbParts, daemon: Daemon): Promise<void> {
  const pid = await daemonOf(fleet.home, daemon, RESTART_DEADLINE_MS);
  incidents.note(daemon, FREEZE_DEADLINE_MS);
  const thaw = () => {
    if (isOf(fleet.home, pid)) process.kill(pid, 'SIGCONT');
  };
  const forget = atTheEnd(thaw);
  process.kill(pid, 'SIGSTOP');
  try {
    if (await untilGone(fleet.home, pid, FREEZE_DEADLINE_MS)) return;
    throw new Error(`the frozen ${daemon} was not replaced within ${FREEZE_DEADLINE_MS / 1000} s`);
  } finally {
    thaw();
    forget();
  }
}
