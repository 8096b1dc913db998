import type { GenerateRequest } from '../../src/worker/engines/engine.ts';
import { loadLlama } from '../../src/worker/engines/llama/load.ts';
import { answerQuestions } from '../child.ts';
import { tinyModel } from '../lone-daemon.ts';

/** An answer of `tiny` with these fields, by the engine as a worker has it, without jobs and events. */
export interface SteeringQuestion {
  fields: Partial<GenerateRequest>;
  seed: number;
  maxTokens: number;
}

export interface Steered {
  cpuUs: number;
  tokens: number;
}

const never = new AbortController().signal;
const none = () => undefined;
const engine = await loadLlama({
  ...{ modelPath: tinyModel, worker: 'cpu', slots: 1, contextSize: undefined, threads: 1 },
  ...{ signal: never, onLoadProgress: none, onSlotsChange: none },
});

const plain: GenerateRequest = {
  ...{ messages: [{ role: 'user', content: 'Tell me a story.' }], stop: [], jsonSchema: undefined, seed: 0, maxTokens: 1 },
  ...{ temperature: undefined, topP: undefined, topK: undefined, minP: undefined },
};

async function answer({ fields, seed, maxTokens }: SteeringQuestion): Promise<Steered> {
  const before = process.cpuUsage();
  const generation = engine.generate({ ...plain, ...fields, seed, maxTokens }, never);
  for (;;) {
    const { done, value } = await generation.next();
    if (!done) continue;
    const { user, system } = process.cpuUsage(before);
    return { cpuUs: user + system, tokens: value.completionTokens };
  }
}

answerQuestions<SteeringQuestion>(answer);
