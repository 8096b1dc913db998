import type { Handlers } from '../../contract/index.ts';
import { resumeOnHive } from '../forward.ts';
import type { Resume } from '../../jobs/index.ts';
import type { ModelNames } from '../models/index.ts';
import { createExplain } from '../placement/index.ts';
import { countTokens } from './count-tokens.ts';
import { explain } from './explain.ts';
import { forwardToWorker, placeAgain } from './forward-to-worker.ts';
import type { InferParts } from './reserve.ts';

/** The operations that run on a worker, and where they would run. A model may be named by its alias. */
export function workerHandlers(parts: InferParts, names: ModelNames) {
  const meant = <Input extends { model: string }>(input: Input): Input => ({ ...input, model: names.resolve(input.model) });
  const named =
    <Input extends { model: string }, Context, Answer>(run: (input: Input, context: Context) => Answer) =>
    (input: Input, context: Context): Answer =>
      run(meant(input), context);
  return {
    infer: named(forwardToWorker('infer', parts)),
    embed: named(forwardToWorker('embed', parts)),
    rerank: named(forwardToWorker('rerank', parts)),
    count_tokens: named(countTokens(parts)),
    explain: createExplain({ explain: (input, signal) => explain(meant(input), parts, signal) }),
  } satisfies Handlers;
}

/** Continues the jobs of a queen that was stopped. */
export function resumeJobs(parts: InferParts): Resume {
  return resumeOnHive(parts, {
    infer: placeAgain('infer', parts),
    embed: placeAgain('embed', parts),
    rerank: placeAgain('rerank', parts),
    count_tokens: placeAgain('count_tokens', parts),
  });
}
