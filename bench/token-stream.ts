import { isTerminal } from '../src/contract/index.ts';
import { readStream, type Peer, type StreamEvent } from '../src/jobs/client.ts';
import { postJob } from '../test/support/queen-calls.ts';

const DEADLINE_MS = 60_000;

export interface End {
  kind: string;
  json: string;
  at: number;
}

/** A client that streams one answer and notes when each token arrived. rbee's own reader resumes the stream when it breaks. */
export class TokenStream {
  /** By performance.now(), as all times here. */
  readonly tokensAt: number[] = [];
  readonly ended: Promise<End>;
  #onToken: () => void = () => undefined;

  constructor(port: number, request: object, key: string) {
    this.ended = this.#follow(port, request, key);
    // Awaited later: a failure before that must not end the process.
    this.ended.catch(() => undefined);
  }

  /** Resolves when so many tokens have arrived. */
  async tokens(count: number): Promise<void> {
    const arrived = new Promise<void>((resolve) => {
      this.#onToken = () => this.tokensAt.length >= count && resolve();
      this.#onToken();
    });
    await Promise.race([arrived, this.ended]);
  }

  async #follow(port: number, request: object, key: string): Promise<End> {
    const queen: Peer = { role: 'queen', name: 'queen', host: '127.0.0.1', port };
    const jobId = await postJob(port, request, key);
    for await (const event of readStream(queen, jobId, { after: 0, signal: AbortSignal.timeout(DEADLINE_MS) })) {
      const end = this.#take(event);
      if (end !== undefined) return end;
    }
    throw new Error(`the stream of ${jobId} has no terminal event`);
  }

  #take({ kind, json }: StreamEvent): End | undefined {
    const at = performance.now();
    if (kind === 'token') this.tokensAt.push(at);
    this.#onToken();
    return isTerminal(kind) ? { kind, json, at } : undefined;
  }
}

/**
 * From a kill to the end of the longest silence after it: output that was on its way still arrives.
 * @param tokensAt when tokens arrived, in order
 */
export function silenceAfter(killedAt: number, tokensAt: readonly number[]): number {
  const after = [killedAt, ...tokensAt.filter((at) => at > killedAt)];
  const gaps = after.slice(1).map((at, index) => ({ ms: at - (after[index] ?? 0), at }));
  const longest = gaps.reduce((most, gap) => (gap.ms > most.ms ? gap : most), { ms: 0, at: NaN });
  return longest.at - killedAt;
}
