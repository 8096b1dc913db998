import { setImmediate } from 'node:timers/promises';
import { getLlama, LlamaLogLevel, type EvaluationPriority, type LlamaContextSequence, type Token } from 'node-llama-cpp';
import { answerQuestions } from '../child.ts';

/** The bare limit: node-llama-cpp alone, all sequences stepped together, no events sent. */
export interface BareOptions {
  modelPath: string;
  threads: number;
  slots: number;
  contextSize: number;
}

export interface GenerateQuestion {
  prompts: string[];
  tokensEach: number;
}

export interface Generated {
  tokens: number;
  ms: number;
  /** Of all answers together, from their first tokens on: without prefill. */
  generatingPerSecond: number;
}

const { modelPath, threads, slots, contextSize } = JSON.parse(process.argv[2] ?? '{}') as BareOptions;
const llama = await getLlama({
  gpu: false,
  build: 'never',
  maxThreads: threads,
  progressLogs: false,
  logLevel: LlamaLogLevel.error,
});
const model = await llama.loadModel({ modelPath, gpuLayers: 0 });
const context = await model.createContext({
  contextSize,
  sequences: slots,
  threads,
  batchSize: 512,
  flashAttention: false,
  // In ascending order; otherwise llama.cpp computes neighbours one by one.
  batching: {
    itemPrioritizationStrategy: ({ items }) =>
      [...items]
        .sort((a, b) => a.evaluationPriority - b.evaluationPriority)
        .map((item) => ({ item, processAmount: item.tokens.length })),
  },
});
const sequences = Array.from({ length: slots }, () => context.getSequence());

async function generate({ prompts, tokensEach }: GenerateQuestion): Promise<Generated> {
  for (const sequence of sequences) await sequence.clearHistory();
  const from = performance.now();
  const answers = prompts.map((prompt, index) => answer(sequences[index] as LlamaContextSequence, prompt, index));
  let tokens = 0;
  let readMs = 0;
  for (let step = 0; step < tokensEach; step += 1) {
    const made = await Promise.all(answers.map((one) => one.next()));
    tokens += made.filter(({ done }) => done !== true).length;
    if (step === 0) readMs = performance.now() - from;
    // Lets the library finish its step.
    await setImmediate();
  }
  const ms = performance.now() - from;
  for (const one of answers) await one.return();
  return { tokens, ms, generatingPerSecond: ((tokens - prompts.length) / (ms - readMs)) * 1000 };
}

function answer(sequence: LlamaContextSequence, prompt: string, index: number): AsyncGenerator<Token, void | Token> {
  const tokens = model.tokenize(`<|im_start|>user\n${prompt}<|im_end|>\n<|im_start|>assistant\n`, true);
  // The worker's own defaults.
  const sampling = { temperature: 0.7, topK: 40, topP: 0.95, minP: 0.05, seed: index + 1 };
  return sequence.evaluate(tokens, { ...sampling, evaluationPriority: index as EvaluationPriority });
}

answerQuestions<GenerateQuestion>(generate);
