import assert from 'node:assert/strict';
import { startChild, type Child } from '../child.ts';
import type { Row, Table } from '../findings.ts';
import { median } from '../statistics.ts';
import type { Steered, SteeringQuestion } from './steering-process.ts';

const TOKENS = 64;
/** Runs of each, in turn: the noise of one is larger than what is looked for. */
const LEAST_RUNS = 25;
const AIM = { of: 'ratio', atMost: 1.03 } as const;

const text = { type: 'string', minLength: 400 };
const tool = {
  name: 'tell',
  description: 'Tells a story',
  parameters: { type: 'object', properties: { text }, required: ['text'] },
};

/** What steers and reads an answer; each is compared with the same answer without it. */
const KINDS: { what: string; fields: SteeringQuestion['fields'] }[] = [
  { what: 'under the schema of one text', fields: { jsonSchema: { type: 'object', properties: { text }, required: ['text'] } } },
  { what: 'under the grammar of a call', fields: { tools: [tool], toolChoice: 'required' } },
  { what: 'with tools that are not called', fields: { tools: [tool] } },
];

/** CPU of the engine for each token of `tiny`, whose step is so short that whatever else is done for a token shows. */
export async function steeringTable(runs: number): Promise<Table> {
  await using engine = await startChild('engine/steering');
  const rows: Row[] = [];
  for (const { what, fields } of KINDS) {
    const [ours, beside]: [number[], number[]] = [[], []];
    for (let run = 0; run <= Math.max(runs, LEAST_RUNS); run += 1) {
      ours.push(await tokenUs(engine, fields));
      beside.push(await tokenUs(engine, {}));
    }
    // The first run warms both up.
    const row = { what, unit: 'µs', ours: median(ours.slice(1)), beside: median(beside.slice(1)), aim: AIM };
    console.log(`  ${what}: ${row.ours.toFixed(0)} µs of CPU a token, free ${row.beside.toFixed(0)}`);
    rows.push(row);
  }
  return { title: 'CPU for each token of `tiny`, steered and free', beside: 'free', rows, how: HOW };
}

const HOW =
  'What the engine of a worker, in a process of its own, uses for an answer, less what it uses for an answer of one token to the same prompt, over the tokens between. ' +
  'A test of the chosen token takes about 9 µs and its acceptance 5 µs, with any model; where it is refused, the grammar is applied to the whole vocabulary, which is half a step of `tiny`. ' +
  '`tiny` was never trained on JSON, and is refused often. The prompts with tools are longer, and so are their steps.';

let asked = 0;

/** Of an answer with these fields. The first token is the end of its prompt, and not counted. */
async function tokenUs(engine: Child, fields: SteeringQuestion['fields']): Promise<number> {
  asked += 1;
  const answer = (maxTokens: number) => engine.ask<Steered>({ fields, seed: asked, maxTokens } satisfies SteeringQuestion);
  // Reads the prompt: the two that are compared find it in the cache.
  await answer(1);
  const one = await answer(1);
  const many = await answer(TOKENS);
  assert(many.tokens > 1, 'the answer has one token');
  return (many.cpuUs - one.cpuUs) / (many.tokens - one.tokens);
}
