import { expect, test } from 'vitest';
import type { AnswerEvent } from '../engine.ts';
import { AnswerReader, type AnswerForm } from './answer-reader.ts';
import { GENERIC_FORM, type CallForm } from './calls/call-form.ts';
import type { TypesOf } from './calls/call-reader.ts';

const qwen: CallForm = {
  before: '<tool_call>\n{"name": "',
  infix: '", "arguments": ',
  between: '}\n</tool_call>\n<tool_call>\n{"name": "',
  after: '}\n</tool_call>',
  trigger: '<tool_call>',
  isOnlyAtStart: false,
};
const think = { open: '<think>', close: '</think>', startsOpen: false };
const any = { typesOf: (): ReturnType<TypesOf> => new Set(), beginnings: [] };
const plain: AnswerForm = { stop: [], trimSpace: false };

interface Answer {
  text: string;
  reasoning: string;
  calls: string[];
  stop?: string | undefined;
}

/** What is read of tokens; a replacement ends the tokens, as the model continues from it. */
function read(form: AnswerForm, tokens: readonly string[]): Answer & { replacement?: string } {
  const reader = new AnswerReader(form);
  const made: Answer & { replacement?: string } = { text: '', reasoning: '', calls: [] };
  const add = (events: readonly AnswerEvent[]) => {
    for (const event of events) {
      if (event.kind === 'tool_call') made.calls.push(`${event.name} `);
      else if (event.kind === 'tool_arguments') made.calls.push(`${made.calls.pop() ?? ''}${event.text}`);
      else made[event.kind] += event.text;
    }
  };
  for (const token of tokens) {
    const { events, stop, replacement } = reader.push(new TextEncoder().encode(token));
    add(events);
    if (stop !== undefined) return { ...made, stop };
    if (replacement === undefined) continue;
    made.replacement = replacement;
    // The model generates the end of the token again.
    if (token.startsWith(replacement)) add(reader.push(new TextEncoder().encode(token.slice(replacement.length))).events);
  }
  add(reader.end());
  return made;
}

test.each([
  [
    'reasoning, text and a call',
    { ...plain, reasoning: think, calls: { form: qwen, isForced: false, ...any } },
    '<think>hm</think>\n\nWait <tool_call>\n{"name": "get", "arguments": {"a": 1}}\n</tool_call>',
    { reasoning: 'hm', text: 'Wait', calls: ['get {"a": 1}'] },
  ],
  [
    'a call inside of reasoning',
    { ...plain, reasoning: { ...think, startsOpen: true }, calls: { form: qwen, isForced: false, ...any } },
    'hm\n<tool_call>\n{"name": "get", "arguments": {}}\n</tool_call>',
    { reasoning: 'hm', text: '', calls: ['get {}'] },
  ],
  [
    'two calls',
    { ...plain, calls: { form: qwen, isForced: false, ...any } },
    '<tool_call>\n{"name": "a", "arguments": {}}\n</tool_call>\n<tool_call>\n{"name": "b", "arguments": {"x": "</tool_call>"}}\n</tool_call>',
    { reasoning: '', text: '', calls: ['a {}', 'b {"x": "</tool_call>"}'] },
  ],
  [
    'text that looks like a call',
    { ...plain, calls: { form: GENERIC_FORM, isForced: false, ...any } },
    'Write {"name":"x"}',
    { reasoning: '', text: 'Write {"name":"x"}', calls: [] },
  ],
  [
    'half a trigger',
    { ...plain, calls: { form: qwen, isForced: false, ...any } },
    'a < b <tool',
    { reasoning: '', text: 'a < b <tool', calls: [] },
  ],
  [
    'a stop string after reasoning that has it',
    { ...plain, stop: ['END'], reasoning: think },
    '<think>END</think>Yes END no',
    { reasoning: 'END', text: 'Yes ', calls: [], stop: 'END' },
  ],
  [
    'a generic call',
    { ...plain, calls: { form: GENERIC_FORM, isForced: false, ...any } },
    '\n{"name":"get","arguments":{"a":[1]}}',
    { reasoning: '', text: '', calls: ['get {"a":[1]}'] },
  ],
] as [string, AnswerForm, string, Answer][])('%s is read alike from tokens of any length', (_, form, text, expected) => {
  for (const length of [1, 2, 3, 7]) {
    const tokens = text.match(new RegExp(`[^]{1,${String(length)}}`, 'g')) ?? [];
    const { replacement: _ignored, ...made } = read(form, tokens);
    expect(made).toEqual(expected);
  }
});

test('a token that continues after the beginning of a call is replaced by its part before', () => {
  const form = { ...plain, calls: { form: qwen, isForced: false, ...any } };
  expect(read(form, ['a ', '<tool', '_call>\n{"name": "x", "arguments": {'])).toMatchObject({ text: 'a', replacement: '_call>' });
});

test('reasoning ends after its budget, and the model continues after the closing tag', () => {
  const form = { ...plain, reasoning: { ...think, startsOpen: true, budget: 3 } };
  expect(read(form, ['I', ' am', ' wondering'])).toMatchObject({
    reasoning: 'I am wondering',
    replacement: ' wondering\n</think>\n\n',
  });
});

test('a forced call begins where reasoning ends', () => {
  const form = { ...plain, reasoning: { ...think, startsOpen: true }, calls: { form: qwen, isForced: true, ...any } };
  const { replacement } = read(form, ['hm', '</think>\n\nText']);
  expect(replacement).toBe('</think>\n\n<tool_call>\n{"name": "');
  const reader = new AnswerReader(form);
  expect(reader.place).toBe('reasoning');
  reader.push(new TextEncoder().encode('hm</think>'));
  expect(reader.place).toBe('call');
  expect(reader.push(new TextEncoder().encode('get", "arguments": {}}')).events).toMatchObject([
    { kind: 'tool_call', name: 'get' },
    { text: '{}' },
  ]);
  expect(reader.hasCalled).toBe(true);
});

test('where a grammar holds before a call too, its beginning is read from any token', () => {
  const form = { ...plain, calls: { form: qwen, isForced: false, ...any }, isSteered: true };
  const tokens = ['<tool_call>\n{"na', 'me": "get", "arguments": {"a"', ': 1}}\n</tool_call>'];
  expect(read(form, tokens)).toEqual({ text: '', reasoning: '', calls: ['get {"a": 1}'] });
});
