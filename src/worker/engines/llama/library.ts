/** What is used of node-llama-cpp at run time: the build bundles this and what it needs. */
export { getLlama, GgufInsights, LlamaGrammarEvaluationState, TokenBias } from 'node-llama-cpp';
export { readHeader as readGgufFileInfo } from './model-header.ts';
