import { setTimeout as delay } from 'node:timers/promises';
import type { WireError } from '../../src/contract/index.ts';
import { postJob } from '../support/queen-calls.ts';
import { daemonsOf, isOf, untilGone, type Daemon } from '../support/daemon-processes.ts';
import type { Fleet } from '../support/built-fleet.ts';
import type { Dice } from './dice.ts';
import { follow } from './follow.ts';
import { resultOf, textOf, type Reference } from './requests.ts';
import { count } from './tally.ts';

const CLIENTS = 60;
/** After every struck daemon is back. */
const STRIKE_INTERVAL_MS = 1_000;
const BACK_WITHIN_MS = 15_000;
const FREEZE_SHARE = 0.4;
/** Longer than the deadline for a frozen daemon. A frozen queen is not replaced; it continues when it is thawed. */
const THAW_MS = { least: 500, most: 12_000 };
/** While few requests are answered, the queue is long. */
const END_WITHIN_MS = 5 * 60_000;
const LINE_INTERVAL_MS = 10_000;

export interface Storm {
  fleet: Fleet;
  dice: Dice;
  references: readonly Reference[];
  totalMs: number;
}

/** How the requests of a storm ended, and which daemons were struck. */
export interface Weathered {
  /** 'identical', 'differs', 'hangs', or the code of a failure. */
  endings: Map<string, number>;
  done: Map<string, number>;
  /** Violations, as sentences. */
  violations: string[];
}

/** Kills or freezes a daemon one second after the last one is back, with many clients; each answer is compared with an undisturbed one. */
export async function weather(storm: Storm): Promise<Weathered> {
  const weathered: Weathered = { endings: new Map(), done: new Map(), violations: [] };
  const over = AbortSignal.timeout(storm.totalMs);
  const lines = setInterval(() => console.log(stormLine(weathered)), LINE_INTERVAL_MS);
  const clients = Array.from({ length: CLIENTS }, (_, client) => askOnAndOn(storm, { client, over, weathered }));
  await Promise.all([strikeOnAndOn(storm, over, weathered), keepQueen(storm.fleet, over), ...clients]);
  clearInterval(lines);
  return weathered;
}

export function stormLine({ endings, done }: Weathered): string {
  const words = (counts: Map<string, number>) => [...counts].map(([what, many]) => `${many} ${what}`).join(', ');
  return `${words(endings)} · ${words(done)}`;
}

interface Asking {
  client: number;
  over: AbortSignal;
  weathered: Weathered;
}

async function askOnAndOn({ fleet, dice, references }: Storm, { client, over, weathered }: Asking): Promise<void> {
  const own = dice.another();
  for (let turn = 0; !over.aborted; turn += 1) {
    const { request, text } = own.pick(references);
    try {
      const jobId = await postJob(fleet.queenPort, request, `storm-${client}-${turn}`);
      const followed = await follow(fleet.queenPort, jobId, () => ({ withinMs: END_WITHIN_MS }));
      const ending = endingOf(followed, text);
      count(weathered.endings, ending);
      if (ending === 'differs' || ending === 'hangs')
        weathered.violations.push(`${jobId} ${ending}: ${followed.problems.join('; ') || textOf(followed)}`);
    } catch (cause) {
      // The queen was unreachable for longer than a client waits.
      count(weathered.endings, `not taken: ${(cause as Error).message.slice(0, 60)}`);
    }
  }
}

function endingOf(followed: Awaited<ReturnType<typeof follow>>, text: string): string {
  if (followed.problems.length > 0) return 'hangs';
  const said = textOf(followed);
  if (!text.startsWith(said)) return 'differs';
  const result = resultOf(followed);
  if (result !== undefined) return result.text === text && said === text ? 'identical' : 'differs';
  const last = followed.events.at(-1);
  return last?.kind === 'failed' ? (JSON.parse(last.json) as WireError).code : (last?.kind ?? 'hangs');
}

async function strikeOnAndOn({ fleet, dice }: Storm, over: AbortSignal, { done }: Weathered): Promise<void> {
  const own = dice.another();
  while (!over.aborted) {
    await untilAllRun(fleet, over);
    await delay(STRIKE_INTERVAL_MS, undefined, { signal: over }).catch(() => undefined);
    const daemon = own.pick<Daemon>(['queen', 'hive', 'worker']);
    const [pid] = daemonsOf(fleet.home, daemon);
    if (pid === undefined) continue;
    const isFreeze = own.falls(FREEZE_SHARE);
    count(done, `${isFreeze ? 'freeze' : 'kill'} ${daemon}`);
    process.kill(pid, isFreeze ? 'SIGSTOP' : 'SIGKILL');
    if (isFreeze) await thawLater(fleet, pid, own.between(THAW_MS.least, THAW_MS.most));
  }
}

async function untilAllRun({ home }: Fleet, over: AbortSignal): Promise<void> {
  const deadline = Date.now() + BACK_WITHIN_MS;
  const isWhole = () => (['queen', 'hive', 'worker'] as const).every((daemon) => daemonsOf(home, daemon).length > 0);
  while (!isWhole() && !over.aborted && Date.now() < deadline) await delay(50);
}

async function thawLater({ home }: Fleet, pid: number, afterMs: number): Promise<void> {
  await untilGone(home, pid, afterMs);
  if (isOf(home, pid)) process.kill(pid, 'SIGCONT');
}

/** As a keeper would: starts the queen if none runs. */
async function keepQueen(fleet: Fleet, over: AbortSignal): Promise<void> {
  while (!over.aborted) {
    if (daemonsOf(fleet.home, 'queen').length === 0) await fleet.rbee(['queen', 'start']);
    await delay(100);
  }
  if (daemonsOf(fleet.home, 'queen').length === 0) await fleet.rbee(['queen', 'start']);
}
