export type { Engine, GenerateRequest, Generation, LoadEngine, LoadOptions } from './engine.ts';
export { loadLlama } from './llama/load.ts';
