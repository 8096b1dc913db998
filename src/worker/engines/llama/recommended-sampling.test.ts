import { readGgufFileInfo } from 'node-llama-cpp';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { modelWorkshop, tinyModel } from './fixtures/gguf.ts';
import { recommendedSampling } from './recommended-sampling.ts';

let workshop: Awaited<ReturnType<typeof modelWorkshop>>;

beforeAll(async () => {
  workshop = await modelWorkshop();
});

afterAll(() => workshop.clear());

const options = { sourceType: 'filesystem', logWarnings: false } as const;

test('a header may recommend how to sample; what makes no sense in it is ignored', async () => {
  const names = ['temp', 'top_k', 'top_p', 'min_p', 'penalty_last_n', 'penalty_repeat'];
  const set = Object.fromEntries(names.map((name, index) => [`general.sampling.${name}`, index]));
  const path = await workshop.make({ set });
  expect(recommendedSampling(await readGgufFileInfo(path, options))).toEqual({
    temperature: 0,
    topK: 1,
    lastTokens: 4,
    repeatPenalty: 5,
  });
});

test('a header without recommendations has none', async () => {
  expect(recommendedSampling(await readGgufFileInfo(tinyModel, options))).toEqual({});
});
