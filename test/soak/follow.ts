import { setTimeout as delay } from 'node:timers/promises';
import { isTerminal } from '../../src/contract/index.ts';
import { readStream, type Manner } from './read-stream.ts';
import type { StreamEvent } from './stream-text.ts';

/** What a client received of a job, over all of its connections. */
export interface Followed {
  events: StreamEvent[];
  connections: number;
  endedAt: number;
  /** Violations of the protocol, as sentences. */
  problems: string[];
}

/** Longer than any disturbance and its queue. */
const END_DEADLINE_MS = 120_000;
const RECONNECT_MS = 20;

/** Follows a job to its closing line, resuming its stream after the last event each time that it breaks. */
export async function follow(port: number, jobId: string, manner: () => Manner & { withinMs?: number }): Promise<Followed> {
  const followed: Followed = { events: [], connections: 0, endedAt: 0, problems: [] };
  const { withinMs = END_DEADLINE_MS } = manner();
  const deadline = Date.now() + withinMs;
  while (followed.problems.length === 0) {
    followed.connections += 1;
    const isDone = await readOn(port, jobId, { followed, manner: manner() });
    if (isDone) break;
    if (Date.now() > deadline) followed.problems.push(`it had not ended after ${withinMs / 1000} s`);
    await delay(RECONNECT_MS);
  }
  followed.endedAt = Date.now();
  return followed;
}

async function readOn(port: number, jobId: string, now: { followed: Followed; manner: Manner }): Promise<boolean> {
  const { followed, manner } = now;
  const after = followed.events.length;
  try {
    const ending = await readStream({ ...manner, port, jobId, after, onEvents: (events) => take(followed, events) });
    if (ending.kind === 'refused') followed.problems.push(`its stream after event ${after} was refused: ${ending.answer}`);
    if (ending.kind === 'done' && !hasEnded(followed)) followed.problems.push('its closing line came without a terminal event');
    return ending.kind === 'done';
  } catch (cause) {
    followed.problems.push((cause as Error).message);
    return false;
  }
}

function take(followed: Followed, events: StreamEvent[]): void {
  for (const event of events) {
    const last = followed.events.length;
    if (event.seq !== last + 1) throw new Error(`its events jumped from ${last} to ${event.seq}, a ${event.kind}`);
    if (hasEnded(followed)) throw new Error(`after its terminal event came event ${event.seq}, a ${event.kind}`);
    followed.events.push(event);
  }
}

function hasEnded({ events }: Followed): boolean {
  const last = events.at(-1);
  return last !== undefined && isTerminal(last.kind);
}
