export type { Engine, GenerateRequest, Generation } from './engine.ts';
export { loadLlama } from './llama/load.ts';
