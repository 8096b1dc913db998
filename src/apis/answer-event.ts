import type { JobEvent, OutputOf, WireError } from '../contract/index.ts';

/** What an API needs of the job of an answer: everything but the steps that are narrated on the way. */
export type AnswerEvent =
  | Exclude<JobEvent, { kind: 'narration' | 'progress' | 'log' }>
  | { kind: 'result'; data: OutputOf<'infer'> }
  | { kind: 'failed'; data: WireError };
