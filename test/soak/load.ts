import { setTimeout as delay } from 'node:timers/promises';
import type { Dice } from './dice.ts';
import { follow, type Followed } from './follow.ts';
import type { Incidents } from './incidents.ts';
import { judge } from './judge.ts';
import { cancelJob, postJob } from '../support/queen-calls.ts';
import type { Manner } from './read-stream.ts';
import type { Reference, References } from './requests.ts';
import type { Tally } from './tally.ts';

/** Clients at once. Each does one thing after the other. */
const LANES = 14;
/** A client's pause between two jobs, at most: the machine should be busy, not overloaded. */
const PAUSE_MS = 400;
const REREAD_CHANCE = 0.15;

export interface LoadParts {
  port: number;
  dice: Dice;
  references: References;
  incidents: Incidents;
  tally: Tally;
  /** No job starts after it. */
  signal: AbortSignal;
}

interface Turn {
  name: string;
  request: object;
  reference: string | undefined;
  manner: () => Manner;
  /** Cancels the job after this. */
  cancelAfterMs?: number;
}

/** Puts a mixed load on the queen until the signal; resolves when all jobs have finished. */
export async function load(parts: LoadParts): Promise<void> {
  await Promise.all(Array.from({ length: LANES }, (_, lane) => runLane(parts, { lane, dice: parts.dice.another() })));
}

async function runLane(parts: LoadParts, { lane, dice }: { lane: number; dice: Dice }): Promise<void> {
  for (let turn = 0; !parts.signal.aborted; turn += 1) {
    parts.tally.running += 1;
    try {
      await runTurn(parts, {
        ...nextTurn(dice, parts.references),
        key: `lane-${lane}-${turn}`,
        isRead: dice.falls(REREAD_CHANCE),
      });
    } catch (cause) {
      parts.tally.violate((cause as Error).message);
    } finally {
      parts.tally.running -= 1;
    }
    await delay(dice.between(0, PAUSE_MS));
  }
}

function nextTurn(dice: Dice, { short, long }: References): Turn {
  const any = dice.falls(0.6) ? short : long;
  const plain = () => ({});
  const turns: [share: number, make: () => Turn][] = [
    [0.3, () => ({ name: 'infer', ...asked(dice.pick(any)), manner: plain })],
    [0.2, () => ({ name: 'infer, cut', ...asked(dice.pick(any)), manner: () => ({ cutAfterMs: dice.between(5, 600) }) })],
    [0.15, () => ({ name: 'infer, slow', ...asked(dice.pick(any)), manner: slowManner(dice) })],
    [0.15, () => ({ name: 'infer, cancel', ...asked(dice.pick(any)), manner: plain, cancelAfterMs: dice.between(0, 900) })],
    [0.1, () => ({ name: 'worker_list', request: { operation: 'worker_list' }, reference: undefined, manner: plain })],
    [0.1, () => ({ name: 'model_list', request: { operation: 'model_list' }, reference: undefined, manner: plain })],
  ];
  let left = dice.next();
  for (const [share, make] of turns) if ((left -= share) < 0) return make();
  return { name: 'infer', ...asked(dice.pick(any)), manner: plain };
}

function asked({ request, text }: Reference): Pick<Turn, 'request' | 'reference'> {
  return { request, reference: text };
}

function slowManner(dice: Dice): () => Manner {
  const slow = { characters: Math.ceil(dice.between(60, 600)), restMs: dice.between(10, 80) };
  return () => ({ slow });
}

async function runTurn(parts: LoadParts, turn: Turn & { key: string; isRead: boolean }): Promise<void> {
  const { port, tally, incidents } = parts;
  const postedAt = Date.now();
  const jobId = await postJob(port, turn.request, turn.key);
  const cancelled = turn.cancelAfterMs === undefined ? undefined : cancelAfter(port, jobId, turn.cancelAfterMs);
  const followed = await follow(port, jobId, turn.manner);
  const cancelStatus = await cancelled;
  const verdict = judge({ jobId, postedAt, followed, reference: turn.reference, cancelStatus }, incidents);
  if (cancelStatus !== undefined && cancelStatus !== 200 && cancelStatus !== 409)
    verdict.problems.push(`its cancellation was answered with ${cancelStatus}`);
  if (turn.isRead && followed.problems.length === 0) verdict.problems.push(...(await readAgain(parts, jobId, followed)));
  tally.note(turn.name, { ...verdict, problems: verdict.problems.map((problem) => `${jobId}: ${problem}`) });
  tally.events += followed.events.length;
  tally.reconnects += followed.connections - 1;
}

async function cancelAfter(port: number, jobId: string, ms: number): Promise<number> {
  await delay(ms);
  return cancelJob(port, jobId);
}

/** A reader that starts again from the first event gets the same events, word for word. */
async function readAgain({ port, tally }: LoadParts, jobId: string, before: Followed): Promise<string[]> {
  const again = await follow(port, jobId, () => ({}));
  tally.rereads += 1;
  if (again.problems.length > 0) return again.problems.map((problem) => `read again: ${problem}`);
  const at = before.events.findIndex(({ json, kind }, index) => {
    const event = again.events[index];
    return event?.json !== json || event.kind !== kind;
  });
  if (at < 0 && again.events.length === before.events.length) return [];
  const [first, second] = [before.events[at], again.events[at]].map((event) => JSON.stringify(event));
  return [`read again, it said something else: first ${first}, then ${second}`];
}
