import assert from 'node:assert/strict';
import { daemonOf, type Daemon } from '../../test/support/daemon-processes.ts';
import type { Fleet } from '../../test/support/built-fleet.ts';
import { silenceAfter, TokenStream } from '../token-stream.ts';

/** Tokens that are seen before the kill. */
const UNDER_WAY = 30;
const DEADLINE_MS = 30_000;

/** Runs to the end of the context, for some seconds: the schema asks for more than fits. */
const ENDLESS_SCHEMA = { type: 'array', items: { type: 'boolean' }, minItems: 600 };
const ENDLESS = { operation: 'infer', prompt: 'Count', seed: 1, json_schema: ENDLESS_SCHEMA };
const SHORT = { operation: 'infer', prompt: 'What does a bee do?', max_tokens: 4, temperature: 0 };

let requests = 0;
const key = () => `recovery-${(requests += 1)}`;

type Signal = 'SIGKILL' | 'SIGSTOP';

/** @returns ms from the kill of the queen to the next token at a client that reconnects */
export async function killQueen(fleet: Fleet): Promise<number> {
  const stream = await streaming(fleet);
  const killedAt = await strike(fleet, 'queen', 'SIGKILL');
  const { code, stderr } = await fleet.rbee(['queen', 'start']);
  assert.equal(code, 0, stderr);
  assert.equal((await stream.ended).kind, 'result');
  return silenceAfter(killedAt, stream.tokensAt);
}

/** The same for a person: `rbee infer` restarts the queen itself. */
export async function killQueenOfCommand(fleet: Fleet): Promise<number> {
  const { child, ended } = fleet.start(['infer', 'Count', '--seed', '1', '--json-schema', JSON.stringify(ENDLESS_SCHEMA)]);
  const heardAt: number[] = [];
  let text = '';
  const underWay = new Promise<void>((resolve) => {
    child.stdout?.on('data', (piece: string) => {
      heardAt.push(performance.now());
      text += piece;
      if (text.length > UNDER_WAY) resolve();
    });
  });
  await Promise.race([underWay, ended]);
  const killedAt = await strike(fleet, 'queen', 'SIGKILL');
  const { code, stderr } = await ended;
  assert.equal(code, 0, stderr);
  return silenceAfter(killedAt, heardAt);
}

/** @returns ms from the end of the hive, or from its freezing, to the next token */
export async function loseHive(fleet: Fleet, signal: Signal): Promise<number> {
  const stream = await streaming(fleet);
  const struckAt = await strike(fleet, 'hive', signal);
  assert.equal((await stream.ended).kind, 'result');
  return silenceAfter(struckAt, stream.tokensAt);
}

export interface LostWorker {
  /** Until the client of the request in progress receives the failure. */
  toldMs: number;
  /** Until the first token of a request that comes right after. */
  nextTokenMs: number;
}

export async function loseWorker(fleet: Fleet, signal: Signal): Promise<LostWorker> {
  await freshWorker(fleet);
  const stream = await streaming(fleet);
  const struckAt = await strike(fleet, 'worker', signal);
  const next = new TokenStream(fleet.queenPort, SHORT, key());
  const told = await stream.ended;
  assert.match(told.json, /"worker_died"/);
  assert.equal((await next.ended).kind, 'result');
  return { toldMs: told.at - struckAt, nextTokenMs: (next.tokensAt[0] ?? NaN) - struckAt };
}

/** One that has not been started again yet: a hive does that three times only. */
export async function freshWorker(fleet: Fleet): Promise<void> {
  const { workers } = await fleet.result<{ workers: { worker_id: string }[] }>(['worker', 'list']);
  for (const { worker_id } of workers) await fleet.result(['worker', 'delete', worker_id]);
  await fleet.result(['worker', 'spawn']);
}

async function streaming(fleet: Fleet): Promise<TokenStream> {
  // Every connection on the way is made, and no start is still under way.
  await new TokenStream(fleet.queenPort, SHORT, key()).ended;
  const stream = new TokenStream(fleet.queenPort, ENDLESS, key());
  await stream.tokens(UNDER_WAY);
  return stream;
}

async function strike(fleet: Fleet, daemon: Daemon, signal: Signal): Promise<number> {
  const pid = await daemonOf(fleet.home, daemon, DEADLINE_MS);
  const at = performance.now();
  process.kill(pid, signal);
  return at;
}
