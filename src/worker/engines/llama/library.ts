/** What is used of node-llama-cpp at run time: the build bundles this and what it needs. */
export { getLlama, GgufInsights, LlamaGrammarEvaluationState, readGgufFileInfo } from 'node-llama-cpp';
