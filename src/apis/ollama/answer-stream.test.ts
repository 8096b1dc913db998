import { expect, test } from 'vitest';
import { JobError, type ErrorCode, type OutputOf } from '../../contract/index.ts';
import type { AnswerEvent as EventOf } from '../common/index.ts';
import { AnswerStream } from './answer-stream.ts';
import { emptyAnswer, wholeAnswer, type AnswerOptions } from './answer.ts';
import { ollamaErrors } from './errors.ts';

type AnswerEvent = EventOf<'infer'>;
const answerTo = (error: JobError) => ollamaErrors(error, { requestId: 'r', correlationId: 'c', jobIds: [] });

const created_at = '2026-11-28T01:02:03.000Z';
const options = (more: Partial<AnswerOptions> = {}): AnswerOptions => ({
  model: 'tiny:latest',
  api: 'chat',
  hasIds: false,
  now: () => new Date(created_at),
  elapsedMs: () => 100,
  ...more,
});
const output = (more: Partial<OutputOf<'infer'>> = {}): OutputOf<'infer'> => ({
  text: 'Yes',
  finish_reason: 'stop',
  model: 'tiny',
  worker_id: 'w',
  seed: 1,
  usage: { prompt_tokens: 10, cached_tokens: 4, completion_tokens: 5 },
  timings: { queue_ms: 1, prefill_ms: 20, first_token_ms: 21, tokens_per_s: 100 },
  ...more,
});
function linesOf(events: AnswerEvent[], more: Partial<AnswerOptions> = {}): unknown[] {
  const stream = new AnswerStream(options(more));
  const text = events.map((event) => stream.event(event)).join('');
  expect(text.endsWith('\n')).toBe(true);
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown);
}

const head = { model: 'tiny:latest', created_at };
/** All prompt tokens, also the cached ones; all durations in nanoseconds. */
const end = {
  done: true,
  total_duration: 100_000_000,
  load_duration: 30_000_000,
  prompt_eval_count: 10,
  prompt_eval_duration: 20_000_000,
  eval_count: 5,
  eval_duration: 50_000_000,
};
const said = (more: object) => ({ ...head, message: { role: 'assistant', content: '', ...more }, done: false });

test('reasoning, text and calls are parts of their own; a call is whole, and its arguments are an object', () => {
  const events: AnswerEvent[] = [
    { kind: 'prompt', data: { prompt_tokens: 10 } },
    { kind: 'reasoning', data: { text: 'Hm.' } },
    { kind: 'token', data: { text: 'Yes' } },
    { kind: 'tool_call', data: { index: 0, id: 'call_a', name: 'weather' } },
    { kind: 'tool_arguments', data: { index: 0, text: '{"town":' } },
    { kind: 'tool_arguments', data: { index: 0, text: '"Ghent"}' } },
    { kind: 'tool_call', data: { index: 1, id: 'call_b', name: 'now' } },
    { kind: 'result', data: output({ finish_reason: 'tool_calls' }) },
  ];
  const called = (more: object = {}) => [
    said({ thinking: 'Hm.' }),
    said({ content: 'Yes' }),
    said({ tool_calls: [{ function: { index: 0, name: 'weather', arguments: { town: 'Ghent' } }, ...more }] }),
  ];
  expect(linesOf(events)).toEqual([
    ...called(),
    said({ tool_calls: [{ function: { index: 1, name: 'now', arguments: {} } }] }),
    { ...head, message: { role: 'assistant', content: '' }, done_reason: 'stop', ...end },
  ]);
  expect(linesOf(events, { hasIds: true }).slice(0, 3)).toEqual(called({ id: 'call_a' }));
});

test('/api/generate answers with response, and with a context that is empty', () => {
  const events: AnswerEvent[] = [
    { kind: 'reasoning', data: { text: 'Hm.' } },
    { kind: 'token', data: { text: 'Yes' } },
    { kind: 'result', data: output({ finish_reason: 'length' }) },
  ];
  expect(linesOf(events, { api: 'generate' })).toEqual([
    { ...head, response: '', thinking: 'Hm.', done: false },
    { ...head, response: 'Yes', done: false },
    { ...head, response: '', context: [], done_reason: 'length', ...end },
  ]);
});

test('an answer in one piece has all of it', () => {
  const tool_calls = [{ id: 'call_a', name: 'now', arguments: '{"cut' }];
  expect(wholeAnswer(output({ reasoning: 'Hm.', tool_calls }), options())).toEqual({
    ...head,
    message: {
      role: 'assistant',
      content: 'Yes',
      thinking: 'Hm.',
      tool_calls: [{ function: { index: 0, name: 'now', arguments: { _raw: '{"cut' } } }],
    },
    done_reason: 'stop',
    ...end,
  });
});

test('the probabilities of tokens are in the part of their text', () => {
  const token = { token: 'Y', logprob: -1, bytes: [89] };
  const event: AnswerEvent = { kind: 'token', data: { text: 'Y', logprobs: [{ ...token, top: [token] }] } };
  expect(linesOf([event])).toEqual([{ ...said({ content: 'Y' }), logprobs: [{ ...token, top_logprobs: [token] }] }]);
});

test('a failure in the middle is a last line with its sentence', () => {
  const text = new AnswerStream(options()).fail(new JobError('worker_died', 'It exited.'));
  expect(JSON.parse(text)).toEqual({ error: expect.stringMatching(/^It exited\./) as string });
});

test('a request without a prompt is answered at once', () => {
  expect(emptyAnswer('load', options())).toEqual({
    ...head,
    message: { role: 'assistant', content: '' },
    done: true,
    done_reason: 'load',
  });
  expect(emptyAnswer('unload', options({ api: 'generate' }))).toEqual({
    ...head,
    response: '',
    done: true,
    done_reason: 'unload',
  });
});

test.each<[ErrorCode, number]>([
  ['invalid_input', 400],
  ['prompt_too_long', 400],
  ['unauthorized', 401],
  ['forbidden_origin', 403],
  ['body_too_large', 413],
  ['unsupported_media_type', 415],
  ['worker_busy', 503],
  ['too_many_jobs', 503],
  ['no_room', 503],
  ['shutting_down', 503],
  ['model_too_large', 500],
  ['worker_died', 500],
  ['internal', 500],
])('%s is %i, and its error is text', (code, status) => {
  const error = expect.stringMatching(/^Words\./) as string;
  expect(answerTo(new JobError(code, 'Words.'))).toEqual({ status, body: { error } });
});

test('a model that is not there is not found, in the words that clients look for', () => {
  const error = new JobError('model_not_found', "No hive has a model 'tin'. Did you mean tiny?");
  expect(answerTo(error)).toMatchObject({
    status: 404,
    body: { error: expect.stringMatching(/^model 'tin' not found\. /) as string },
  });
});
