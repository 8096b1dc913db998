export type { Engine, GenerateRequest, Generation } from './engine.ts';
export { describeGpus } from './llama/describe-gpus.ts';
export { loadLlama } from './llama/load.ts';
