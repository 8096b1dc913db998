import { setTimeout as delay } from 'node:timers/promises';
import { isTerminal } from '../../src/contract/index.ts';
import { postJob } from './queen-calls.ts';
import { readStream } from './read-stream.ts';
import type { StreamEvent } from './stream-text.ts';

const RECONNECT_MS = 5;
const DEADLINE_MS = 60_000;

export interface End {
  kind: string;
  json: string;
  at: number;
}

/** A client that streams one answer, takes the stream up again when it breaks, and notes when each token came. */
export class TokenStream {
  /** By performance.now(), as all times here. */
  readonly tokensAt: number[] = [];
  readonly ended: Promise<End>;
  #seen = 0;
  #end: End | undefined;
  #onToken: () => void = () => undefined;

  constructor(port: number, request: object, key: string) {
    this.ended = this.#follow(port, request, key);
    // Awaited later; one that fails first must not end the process unheard.
    this.ended.catch(() => undefined);
  }

  /** Resolves when so many tokens are here. */
  async tokens(count: number): Promise<void> {
    const here = new Promise<void>((resolve) => {
      this.#onToken = () => this.tokensAt.length >= count && resolve();
      this.#onToken();
    });
    await Promise.race([here, this.ended]);
  }

  async #follow(port: number, request: object, key: string): Promise<End> {
    const jobId = await postJob(port, request, key);
    const deadline = Date.now() + DEADLINE_MS;
    for (;;) {
      const ending = await readStream({ port, jobId, after: this.#seen, onEvents: (events) => this.#take(events) });
      if (this.#end !== undefined) return this.#end;
      if (ending.kind === 'refused') throw new Error(`a stream was refused: ${ending.answer}`);
      if (Date.now() > deadline) throw new Error(`a stream was not whole after ${DEADLINE_MS / 1000} s`);
      await delay(RECONNECT_MS);
    }
  }

  #take(events: readonly StreamEvent[]): void {
    const at = performance.now();
    for (const { seq, kind, json } of events) {
      this.#seen = seq;
      if (kind === 'token') this.tokensAt.push(at);
      if (isTerminal(kind)) this.#end = { kind, json, at };
    }
    this.#onToken();
  }
}

/**
 * From a kill to the end of the longest silence after it: what was under way when it came still arrives.
 * @param tokensAt when tokens arrived, in order
 */
export function silenceAfter(killedAt: number, tokensAt: readonly number[]): number {
  const after = [killedAt, ...tokensAt.filter((at) => at > killedAt)];
  const gaps = after.slice(1).map((at, index) => ({ ms: at - (after[index] ?? 0), at }));
  const longest = gaps.reduce((most, gap) => (gap.ms > most.ms ? gap : most), { ms: 0, at: NaN });
  return longest.at - killedAt;
}
