export { countTokens } from './count-tokens.ts';
export { explain } from './explain.ts';
export { forwardToWorker, placeAgain } from './forward-infer.ts';
