import { expect, test } from 'vitest';
import { JobError, type OutputOf } from '../../contract/index.ts';
import type { AnswerEvent as EventOf } from '../common/index.ts';
import { messageOf } from './answer.ts';
import { MessageStream } from './message-stream.ts';

type AnswerEvent = EventOf<'infer'>;

const options = { id: 'msg_1', requestId: 'req_1', model: 'claude-haiku', showsThinking: true };
const output = (more: Partial<OutputOf<'infer'>> = {}): OutputOf<'infer'> => ({
  text: '',
  finish_reason: 'stop',
  model: 'tiny',
  worker_id: 'w',
  seed: 1,
  usage: { prompt_tokens: 10, cached_tokens: 4, completion_tokens: 7 },
  timings: { queue_ms: 0, first_token_ms: 1, tokens_per_s: 1 },
  ...more,
});

/** Each event as its data; fails where a name does not match its data, or an event is no two lines. */
function streamOf(events: AnswerEvent[], more: Partial<typeof options> = {}, failure?: JobError): Record<string, unknown>[] {
  const stream = new MessageStream({ ...options, ...more });
  const text = events.map((event) => stream.event(event)).join('') + (failure === undefined ? '' : stream.fail(failure));
  return text
    .split('\n\n')
    .filter((each) => each !== '')
    .map((each) => {
      const match = /^event: (.+)\ndata: (.+)$/.exec(each);
      const data = JSON.parse(match?.[2] ?? '') as Record<string, unknown>;
      expect(data['type']).toBe(match?.[1]);
      return data;
    });
}

const usage = { input_tokens: 6, cache_read_input_tokens: 4, cache_creation_input_tokens: 0 };

test('thinking, text and calls are blocks of their own, one open at a time, in a message that knows its prompt', () => {
  const events: AnswerEvent[] = [
    { kind: 'prompt', data: { prompt_tokens: 10, cached_tokens: 4 } },
    { kind: 'reasoning', data: { text: 'H' } },
    { kind: 'reasoning', data: { text: 'm.' } },
    { kind: 'token', data: { text: 'Let me ' } },
    { kind: 'token', data: { text: '' } },
    { kind: 'token', data: { text: 'look.' } },
    { kind: 'tool_call', data: { index: 0, id: 'call_a', name: 'weather' } },
    { kind: 'tool_arguments', data: { index: 0, text: '{"town":' } },
    { kind: 'tool_arguments', data: { index: 0, text: '"Ghent"}' } },
    { kind: 'tool_call', data: { index: 1, id: 'toolu_b', name: 'now' } },
    { kind: 'result', data: output({ finish_reason: 'tool_calls' }) },
  ];
  const message = { id: 'msg_1', type: 'message', role: 'assistant', model: 'claude-haiku', content: [] };
  const use = (id: string, name: string) => ({ type: 'tool_use', id, name, input: {} });
  const delta = (index: number, each: object) => ({ type: 'content_block_delta', index, delta: each });
  expect(streamOf(events)).toEqual([
    {
      type: 'message_start',
      message: { ...message, stop_reason: null, stop_sequence: null, usage: { ...usage, output_tokens: 0 } },
    },
    { type: 'ping' },
    { type: 'content_block_start', index: 0, content_block: { type: 'thinking', thinking: '', signature: '' } },
    delta(0, { type: 'thinking_delta', thinking: 'H' }),
    delta(0, { type: 'thinking_delta', thinking: 'm.' }),
    delta(0, { type: 'signature_delta', signature: 'rbee:' }),
    { type: 'content_block_stop', index: 0 },
    { type: 'content_block_start', index: 1, content_block: { type: 'text', text: '' } },
    delta(1, { type: 'text_delta', text: 'Let me ' }),
    delta(1, { type: 'text_delta', text: 'look.' }),
    { type: 'content_block_stop', index: 1 },
    { type: 'content_block_start', index: 2, content_block: use('toolu_a', 'weather') },
    delta(2, { type: 'input_json_delta', partial_json: '{"town":' }),
    delta(2, { type: 'input_json_delta', partial_json: '"Ghent"}' }),
    { type: 'content_block_stop', index: 2 },
    { type: 'content_block_start', index: 3, content_block: use('toolu_b', 'now') },
    { type: 'content_block_stop', index: 3 },
    { type: 'message_delta', delta: { stop_reason: 'tool_use', stop_sequence: null }, usage: { ...usage, output_tokens: 7 } },
    { type: 'message_stop' },
  ]);
});

test('thinking that is not to be shown is in its signature alone', () => {
  const events: AnswerEvent[] = [
    { kind: 'reasoning', data: { text: 'Hm.' } },
    { kind: 'result', data: output({ reasoning: 'Hm.' }) },
  ];
  const deltas = streamOf(events, { showsThinking: false }).filter(({ type }) => type === 'content_block_delta');
  const signature = `rbee:${Buffer.from('Hm.').toString('base64')}`;
  expect(deltas).toEqual([{ type: 'content_block_delta', index: 0, delta: { type: 'signature_delta', signature } }]);
  expect(messageOf(output({ reasoning: 'Hm.', text: 'Yes' }), { ...options, showsThinking: false })).toMatchObject({
    content: [
      { type: 'thinking', thinking: '', signature },
      { type: 'text', text: 'Yes' },
    ],
  });
});

test('an answer without a token is a message without blocks', () => {
  expect(streamOf([{ kind: 'result', data: output() }]).map(({ type }) => type)).toEqual([
    'message_start',
    'ping',
    'message_delta',
    'message_stop',
  ]);
  expect(messageOf(output(), options)).toMatchObject({ content: [], stop_reason: 'end_turn' });
});

test('a failure in the middle is an error event, and no end of the message', () => {
  const failed = streamOf([{ kind: 'token', data: { text: 'a' } }], {}, new JobError('worker_died', 'It exited.'));
  expect(failed.at(-1)).toMatchObject({
    type: 'error',
    error: { type: 'api_error', rbee_code: 'worker_died' },
    request_id: 'req_1',
  });
});

test.each([
  [{ finish_reason: 'stop' as const }, 'end_turn', null],
  [{ finish_reason: 'stop' as const, stop_sequence: 'END' }, 'stop_sequence', 'END'],
  [{ finish_reason: 'length' as const }, 'max_tokens', null],
  [{ finish_reason: 'tool_calls' as const }, 'tool_use', null],
])('%j ends as %s', (more, stop_reason, stop_sequence) => {
  const whole = messageOf(output({ text: 'a', ...more }), options);
  expect(whole).toMatchObject({ stop_reason, stop_sequence, usage: { ...usage, output_tokens: 7 } });
});

test.each([
  ['', {}],
  ['{"town":"Ghent"}', { town: 'Ghent' }],
  ['{"town":"Gh', { _raw: '{"town":"Gh' }],
  ['[1]', { _raw: '[1]' }],
])('the input of a call is an object, also for %j', (text, input) => {
  const tool_calls = [{ id: 'call_a', name: 'weather', arguments: text }];
  expect(messageOf(output({ tool_calls }), options)).toMatchObject({
    content: [{ type: 'tool_use', id: 'toolu_a', name: 'weather', input }],
  });
});
