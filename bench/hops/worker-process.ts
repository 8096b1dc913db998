import type { InputOf, OutputOf, Run } from '../../src/contract/index.ts';
import { KEPT_IN_MEMORY_JOBS_LIMIT, KEPT_JOBS_AGE_MS, openMemoryCatalog, openMemoryEventLog } from '../../src/jobs/index.ts';
import { answerQuestions } from '../child.ts';
import { serveJobs } from '../serve-jobs.ts';
import type { Plan } from './plan.ts';
import { Ticker } from './ticker.ts';

/** A worker whose engine is a timer. */
const ticker = new Ticker();

const infer: Run<'infer'> = async function* (input) {
  for await (const text of ticker.stream(planOf(input))) yield { kind: 'token', data: { text } };
  return output;
};

function planOf({ prompt, messages = [] }: InputOf<'infer'>): Plan {
  const content = messages.at(-1)?.content;
  return JSON.parse(prompt ?? (typeof content === 'string' ? content : '')) as Plan;
}

const output: OutputOf<'infer'> = {
  text: '',
  finish_reason: 'length',
  model: 'bench',
  worker_id: 'worker-bench',
  seed: 0,
  usage: { prompt_tokens: 0, cached_tokens: 0, completion_tokens: 0 },
  timings: { queue_ms: 0, prefill_ms: 0, first_token_ms: null, tokens_per_s: 0 },
};

const port = await serveJobs({
  role: 'worker',
  handlers: { infer },
  log: openMemoryEventLog(),
  catalog: openMemoryCatalog(),
  kept: { jobs: KEPT_IN_MEMORY_JOBS_LIMIT, ageMs: KEPT_JOBS_AGE_MS },
});

export type WorkerQuestion = { kind: 'port' } | { kind: 'arrived'; streams: number } | { kind: 'go' } | { kind: 'stop' };

answerQuestions<WorkerQuestion>((question) => {
  switch (question.kind) {
    case 'port':
      return port;
    case 'arrived':
      return ticker.streamsArrived(question.streams);
    case 'go':
      return ticker.go();
    case 'stop':
      return ticker.stop();
  }
});
