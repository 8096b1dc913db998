import assert from 'node:assert/strict';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { OutputOf } from '../../src/contract/index.ts';
import type { BenchOptions } from '../options.ts';
import { startChild, type Child } from '../child.ts';
import { temporaryFolder, Together } from '../../test/support/ending.ts';
import { startLoneWorker } from '../lone-daemon.ts';
import { TokenStream } from '../token-stream.ts';
import type { Findings, Row } from '../findings.ts';
import { median } from '../statistics.ts';
import type { BareOptions, Generated, GenerateQuestion } from './bare-process.ts';
import { steeringTable } from './steering.ts';
import { writeRandomModel } from './random-model.ts';

const SLOTS = 8;
const STREAMS = [1, 4, 8];
const TOKENS_EACH = 96;
/** Pairs of runs. Noise is larger than what is looked for. */
const LEAST_RUNS = 11;
const AIM = { of: 'ratio', atLeast: 0.95 } as const;
const WEIGHTS_BYTES_PER_THREAD = 32 * 1024 ** 2;
const CONTEXT = 1024;

/** Tokens a second of a worker as it is built, beside the engine alone. */
export async function benchEngine({ runs }: BenchOptions): Promise<Findings> {
  await using together = new Together();
  const folder = together.add(await temporaryFolder());
  const modelPath = join(folder.path, 'random-100m-Q8_0.gguf');
  const bytes = await writeRandomModel(modelPath);
  const worker = together.add(await startLoneWorker({ home: folder.path, modelPath, slots: SLOTS }));
  // As the worker chooses.
  const threads = Math.min(availableParallelism(), Math.ceil(bytes / WEIGHTS_BYTES_PER_THREAD));
  const options: BareOptions = { modelPath, threads, slots: SLOTS, contextSize: CONTEXT };
  const bare = together.add(await startChild('engine/bare', { args: [JSON.stringify(options)] }));

  const rows: Row[] = [];
  for (const streams of STREAMS) rows.push(...(await compare(streams, { runs, port: worker.port, bare })));
  const how =
    `Answers of ${TOKENS_EACH} tokens from a llama of 100 M random weights, Q8_0, ${(bytes / 1e6).toFixed(0)} MB, on the CPU with ${threads} threads. ` +
    'From the first POST at a worker process to the last terminal event at a client that streams all answers; ' +
    'beside it, node-llama-cpp in a process of its own with the same model, threads and sampling, which steps all sequences together and sends no events. Both read their prompts in that time; while generating, they do not. Median of runs in turn.' +
    ' The difference with several streams is about 3 ms a step: telling as many readers, and the client that reads them, share the two cores that compute.';
  const speed = { title: 'Tokens a second of one worker', beside: 'bare node-llama-cpp', rows, how };
  return { title: 'The engine', tables: [speed, await steeringTable(runs)] };
}

interface Compared {
  runs: number;
  port: number;
  bare: Child;
}

async function compare(streams: number, { runs, port, bare }: Compared): Promise<Row[]> {
  const [ours, beside]: [Generated[], Generated[]] = [[], []];
  for (let run = 0; run <= Math.max(runs, LEAST_RUNS); run += 1) {
    ours.push(await askWorker(port, streams));
    beside.push(await askBare(bare, streams));
  }
  const row = (what: string, of: (generated: Generated) => number): Row => {
    // The first run warms both up.
    const figures = { ours: median(ours.slice(1).map(of)), beside: median(beside.slice(1).map(of)) };
    console.log(`  ${what}: ${figures.ours.toFixed(1)} tokens/s, bare ${figures.beside.toFixed(1)}`);
    return { what, unit: 'tokens/s', ...figures };
  };
  return [
    { ...row(`${streams} at once`, ({ tokens, ms }) => (tokens / ms) * 1000), aim: AIM },
    row(`${streams} at once, while generating`, ({ generatingPerSecond }) => generatingPerSecond),
  ];
}

let asked = 0;

async function askWorker(port: number, streams: number): Promise<Generated> {
  const from = performance.now();
  const all = promptsOf(streams).map((prompt, index) => {
    const request = { operation: 'infer', prompt, seed: index + 1, max_tokens: TOKENS_EACH };
    return new TokenStream(port, request, `engine-${(asked += 1)}`);
  });
  const ends = await Promise.all(all.map(({ ended }) => ended));
  const made = ends.map(({ kind, json }) => {
    assert.equal(kind, 'result', json);
    return JSON.parse(json) as OutputOf<'infer'>;
  });
  return {
    tokens: sum(made.map(({ usage }) => usage.completion_tokens)),
    ms: Math.max(...ends.map(({ at }) => at)) - from,
    generatingPerSecond: sum(made.map(({ timings }) => timings.tokens_per_s)),
  };
}

async function askBare(bare: Child, streams: number): Promise<Generated> {
  return bare.ask<Generated>({ prompts: promptsOf(streams), tokensEach: TOKENS_EACH } satisfies GenerateQuestion);
}

let rounds = 0;

/** New ones each time, from their first word: what a slot has read before is not read again. */
function promptsOf(streams: number): string[] {
  rounds += 1;
  return Array.from({ length: streams }, (_, index) => `${rounds}.${index}: what does a bee do all day?`);
}

function sum(figures: number[]): number {
  return figures.reduce((all, figure) => all + figure, 0);
}
