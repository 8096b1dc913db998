import { isTerminal, type OperationName, type OutputOf } from '../../src/contract/index.ts';
import { readStream, type Peer, type StreamEvent } from '../../src/jobs/client.ts';
import type { Swarm } from './swarm.ts';

/** How one request went for a client that takes up its stream each time that it breaks. */
export interface Followed {
  jobId: string;
  /** All tokens, joined. */
  text: string;
  events: StreamEvent[];
  last: StreamEvent;
  /** When the last event arrived, by Date.now(). */
  endedAt: number;
}

export interface Request {
  prompt: string;
  seed: number;
  [field: string]: unknown;
}

function queenOf(swarm: Swarm): Peer {
  return { role: 'queen', name: 'queen', host: '127.0.0.1', port: Number(swarm.env['RBEE_QUEEN_PORT']) };
}

/** About forty tokens, chosen by the seed. */
const FLAGS = { type: 'array', items: { type: 'boolean' }, minItems: 12, maxItems: 20 };

/** Requests that differ, and each of which gives the same text every time. */
export function requests(count: number, fields: object = {}): Request[] {
  return Array.from({ length: count }, (_, index) => ({
    prompt: `Count, number ${index}`,
    seed: index + 1,
    temperature: 1,
    json_schema: FLAGS,
    ...fields,
  }));
}

async function post(swarm: Swarm, operation: OperationName, input: object): Promise<string> {
  const answer = await fetch(`${swarm.queenUrl}/v1/jobs`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ operation, ...input }),
  });
  return ((await answer.json()) as { job_id: string }).job_id;
}

/** One operation, from the queen, who is awake. */
export async function run(
  swarm: Swarm,
  operation: OperationName,
  input: object = {},
  onEvent?: (event: StreamEvent) => void,
): Promise<Followed> {
  return follow(swarm, await post(swarm, operation, input), onEvent);
}

/** Output of an operation, from the queen, which is awake. Cheaper than the command line, where that is not the subject. */
export async function ask<Name extends OperationName>(
  swarm: Swarm,
  operation: Name,
  input: object = {},
): Promise<OutputOf<Name>> {
  const { last } = await run(swarm, operation, input);
  if (last.kind !== 'result') throw new Error(`${operation} ended with ${last.kind}: ${last.json}`);
  return JSON.parse(last.json) as OutputOf<Name>;
}

/** Follows a job to its end. The reader itself refuses a gap in the numbers of events, or one that comes twice. */
async function follow(swarm: Swarm, jobId: string, onEvent: (event: StreamEvent) => void = () => undefined): Promise<Followed> {
  const events: StreamEvent[] = [];
  const options = { after: 0, signal: AbortSignal.timeout(100_000) };
  for await (const event of readStream(queenOf(swarm), jobId, options)) {
    events.push(event);
    onEvent(event);
    if (isTerminal(event.kind)) return { jobId, text: textOf(events), events, last: event, endedAt: Date.now() };
  }
  throw new Error(`job '${jobId}' ended without saying how`);
}

function textOf(events: readonly StreamEvent[]): string {
  return events
    .filter(({ kind }) => kind === 'token')
    .map(({ json }) => (JSON.parse(json) as { text: string }).text)
    .join('');
}

/** Their narration. */
export function narrationsOf(all: readonly Followed[]): string {
  return all.flatMap(({ events }) => events.filter(({ kind }) => kind === 'narration').map(({ json }) => json)).join('\n');
}

/** How they ended: 'result', or the failure as it came. */
export function endsOf(all: readonly Followed[]): Set<string> {
  return new Set(all.map(({ last }) => (last.kind === 'result' ? 'result' : last.json)));
}

export function resultOf({ last }: Followed): OutputOf<'infer'> {
  return JSON.parse(last.json) as OutputOf<'infer'>;
}

/** What to do while requests are being answered: once so many of them have begun, and so many tokens of all have arrived. */
interface Disturbance {
  begun: number;
  tokens: number;
  act: () => void | Promise<void>;
}

/** Runs all requests at once. */
export async function runAll(swarm: Swarm, all: readonly Request[], disturbance?: Disturbance): Promise<Followed[]> {
  const ids = await Promise.all(all.map((request) => post(swarm, 'infer', request)));
  const tokensOf = ids.map(() => 0);
  let acted: Promise<void> | undefined;
  const count = (index: number) => {
    tokensOf[index] = (tokensOf[index] ?? 0) + 1;
    if (disturbance !== undefined && isTimeFor(disturbance, tokensOf)) acted ??= Promise.resolve(disturbance.act());
  };
  const followed = await Promise.all(
    ids.map((id, index) => follow(swarm, id, ({ kind }) => (kind === 'token' ? count(index) : undefined))),
  );
  await acted;
  return followed;
}

function isTimeFor({ begun, tokens }: Disturbance, tokensOf: readonly number[]): boolean {
  return tokensOf.filter((count) => count > 0).length >= begun && tokensOf.reduce((sum, count) => sum + count, 0) >= tokens;
}
