export { explain } from './explain.ts';
export { forwardInfer, inferAgain } from './forward-infer.ts';
