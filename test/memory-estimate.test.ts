import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getLlama, GgufInsights, readGgufFileInfo, type Llama } from 'node-llama-cpp';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { writeRandomModel } from '../bench/engine/random-model.ts';
import { estimateMemory, isMemoryField } from '../src/hive/models/estimate-memory.ts';
import { readGgufHeader } from '../src/hive/models/gguf-header.ts';
import { headerOnly, type Shape } from '../src/hive/models/testing/gguf-writer.ts';
import { memoryNeed } from '../src/contract/index.ts';

const TINY = new URL('../models/rbee-tiny-Q8_0.gguf', import.meta.url).pathname;
/** The room to compute in is estimated at the default context; at another it is not as near. */
const CLOSE = { usual: { bytes: 5_000_000, share: 0.001 }, other: { bytes: 50_000_000, share: 0.01 } };
const CASES = [
  { slots: 1, context: undefined },
  { slots: 4, context: undefined },
  { slots: 64, context: 1024 },
  { slots: 2, context: 32_768 },
];

let folder: string;
let llama: Llama;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rbee-estimates-'));
  llama = await getLlama({ gpu: false, build: 'never', maxThreads: 1, progressLogs: false, logger: () => undefined });
});
afterAll(async () => {
  await llama.dispose();
  await rm(folder, { recursive: true });
});

const shapes: Record<string, Shape> = {
  'a llama of 8 B': shape('llama', [128_256, 4096, 14_336, 32, 32, 8, 128, 131_072]),
  'a llama of 70 B': shape('llama', [128_256, 8192, 28_672, 80, 64, 8, 128, 131_072]),
  'a llama of 1.1 B': shape('llama', [32_000, 2048, 5632, 22, 32, 4, 64, 2048]),
  'a qwen3 of 0.6 B': shape('qwen3', [151_936, 1024, 3072, 28, 16, 8, 128, 40_960]),
};

function shape(architecture: string, numbers: [number, number, number, number, number, number, number, number]): Shape {
  const [vocabulary, width, feedForward, layers, heads, cachedHeads, headWidth, context] = numbers;
  return { architecture, vocabulary, width, feedForward, layers, heads, cachedHeads, headWidth, context };
}

/** As the worker asks its engine (src/worker/engines/llama/memory-need.ts), on a CPU. */
async function engineEstimate(insights: GgufInsights, contextSize: number | undefined, slots: number) {
  const weights = await insights.estimateModelResourceRequirementsV2({ gpuLayers: 0 });
  const context = await insights.estimateContextResourceRequirementsV2({
    modelGpuLayers: 0,
    sequences: slots,
    contextSize: contextSize ?? Math.min(insights.trainContextSize ?? 0, 8192),
    batchSize: Math.max(128, slots),
    flashAttention: false,
  });
  return { weights: weights.cpuRam, all: weights.cpuRam + context.cpuRam };
}

const models: [string, (path: string) => Promise<unknown>][] = [
  ['the benchmark model of 100 M', writeRandomModel],
  ...Object.entries(shapes).map(([name, told]): (typeof models)[number] => [name, (path) => writeFile(path, headerOnly(told))]),
];

test.each<[string, ((path: string) => Promise<unknown>) | undefined]>([['the tiny model', undefined], ...models])(
  "the hive's estimate from the header matches the engine's: %s",
  async (name, write) => {
    const file = write === undefined ? TINY : join(folder, 'model.gguf');
    await write?.(file);
    const header = await readGgufHeader(file, isMemoryField);
    const memory = estimateMemory(header);
    const insights = await GgufInsights.from(
      await readGgufFileInfo(file, { sourceType: 'filesystem', logWarnings: false }),
      llama,
    );
    for (const { slots, context } of CASES) {
      if ((context ?? 0) > (memory?.context_length ?? 0)) continue;
      const engine = await engineEstimate(insights, context, slots);
      const need = memory && memoryNeed(memory, { slots, context, worker: 'cpu' });
      // The file of a header alone is as large as that; only the engine knows from it how large the tensors were.
      const missing = name in shapes ? engine.weights - header.tensorBytes : 0;
      const ours = (need?.bytes ?? 0) + missing;
      const { bytes, share } = context === undefined ? CLOSE.usual : CLOSE.other;
      const sizes = `${slots} slots of ${context}: ${ours} and not ${engine.all}`;
      expect(Math.abs(ours - engine.all), sizes).toBeLessThan(Math.max(bytes, share * engine.all));
    }
  },
);
