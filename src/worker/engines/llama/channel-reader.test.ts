import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { AnswerEvent } from '../engine.ts';
import { HARMONY } from './calls/channels.ts';
import { ChannelReader, type ChannelAnswer } from './channel-reader.ts';

const plain: ChannelAnswer = { form: HARMONY, stop: [], trimSpace: false, startsIn: 'header', isFinalOnly: false };
const calling: ChannelAnswer = { ...plain, calls: { isForced: false } };

interface Answer {
  text: string;
  reasoning: string;
  calls: string[];
  replacements: string[];
  stop?: string;
}

function read(answer: ChannelAnswer, tokens: readonly string[]): Answer {
  const reader = new ChannelReader(answer);
  const made: Answer = { text: '', reasoning: '', calls: [], replacements: [] };
  const add = (events: readonly AnswerEvent[]) => {
    for (const event of events) {
      if (event.kind === 'tool_call') made.calls.push(`${event.name} `);
      else if (event.kind === 'tool_arguments') made.calls.push(`${made.calls.pop() ?? ''}${event.text}`);
      else made[event.kind] += event.text;
    }
  };
  const push = (token: string): void => {
    const { events, stop, replacement } = reader.push(new TextEncoder().encode(token));
    add(events);
    if (stop !== undefined) made.stop = stop;
    if (replacement === undefined) return;
    made.replacements.push(replacement);
    // The model generates again what is behind its replaced token.
    if (token.startsWith(replacement)) push(token.slice(replacement.length));
  };
  for (const token of tokens) if (made.stop === undefined) push(token);
  if (made.stop === undefined) add(reader.end());
  return made;
}

const think = '<|channel|>analysis<|message|>hm, 1 < 2<|end|><|start|>assistant';

test.each<[string, ChannelAnswer, string, Partial<Answer>]>([
  [
    'reasoning and an answer',
    plain,
    `${think}<|channel|>final<|message|>Yes <|x|<|return|>`,
    { reasoning: 'hm, 1 < 2', text: 'Yes <|x|' },
  ],
  [
    'a call with its recipient in the channel',
    calling,
    `${think}<|channel|>commentary to=functions.get <|constrain|>json<|message|>{"a":"<|"}<|call|>`,
    { reasoning: 'hm, 1 < 2', calls: ['get {"a":"<|"}'] },
  ],
  [
    'a call with its recipient in the role, as templates write it',
    calling,
    ' to=functions.get<|channel|>commentary json<|message|>{}<|call|>',
    { calls: ['get {}'] },
  ],
  [
    'words before a call, and two calls',
    calling,
    '<|channel|>commentary<|message|>I look.<|end|><|start|>assistant<|channel|>commentary to=functions.a <|constrain|>json<|message|>{"x":[1]}<|call|><|start|>assistant to=functions.b<|channel|>commentary json<|message|>{}',
    { text: 'I look.', calls: ['a {"x":[1]}', 'b {}'] },
  ],
  ['a call of a tool that is not one', calling, '<|channel|>commentary to=python<|message|>1+1', { text: '1+1' }],
  ['a call where there are no tools', plain, '<|channel|>commentary to=functions.a<|message|>{}', { text: '{}' }],
  ['an answer without a header', plain, 'Hello, it is <b>.', { text: 'Hello, it is <b>.' }],
  [
    'arguments that are no object',
    calling,
    '<|channel|>commentary to=functions.a<|message|>nonsense<|call|>',
    { text: 'nonsense', calls: ['a '] },
  ],
  ['an answer that was begun', { ...plain, startsIn: 'text' }, ' four.<|return|>', { text: ' four.' }],
  [
    'reasoning that was begun',
    { ...plain, startsIn: 'reasoning' },
    'so<|end|><|start|>assistant<|channel|>final<|message|>4',
    { reasoning: 'so', text: '4' },
  ],
  [
    'words before an answer with a schema',
    { ...plain, isFinalOnly: true },
    '<|channel|>commentary<|message|>Hm<|end|><|start|>assistant<|channel|>final<|message|>{}',
    { reasoning: 'Hm', text: '{}' },
  ],
  [
    'a stop string',
    { ...plain, stop: ['END'] },
    '<|channel|>analysis<|message|>END<|end|><|start|>assistant<|channel|>final<|message|>a END b',
    { reasoning: 'END', text: 'a ', stop: 'END' },
  ],
  ['a header that is cut', plain, '<|channel|>fin', {}],
])('%s is read alike from tokens of any length', (_, answer, text, expected) => {
  const whole = { text: '', reasoning: '', calls: [], ...expected };
  fc.assert(
    fc.property(fc.array(fc.nat(text.length), { maxLength: 8 }), (places) => {
      const ends = [...places, text.length].sort((a, b) => a - b);
      const { replacements: _ignored, ...made } = read(
        answer,
        ends.map((end, index) => text.slice(ends[index - 1] ?? 0, end)),
      );
      expect(made).toEqual(whole);
    }),
    { numRuns: 40 },
  );
  const { replacements: _ignored, ...made } = read(answer, [...text]);
  expect(made).toEqual(whole);
});

test('no mark of a message is ever shown', () => {
  const part = fc.constantFrom(
    '<|channel|>',
    '<|message|>',
    '<|start|>assistant',
    '<|end|>',
    'final',
    'analysis',
    ' to=functions.x',
    'a ',
    '{}',
  );
  fc.assert(
    fc.property(fc.array(part, { maxLength: 12 }), (parts) => {
      const { text, reasoning } = read(calling, parts);
      expect(text + reasoning).not.toMatch(/<\|(?:end|channel|start)\|>/);
    }),
  );
});

test('reasoning ends after its budget, and the second time the answer begins', () => {
  const answer = { ...calling, startsIn: 'reasoning' as const, budget: 2 };
  const { reasoning, replacements } = read(answer, ['I', ' am', '<|channel|>analysis<|message|>', 'still', 'x']);
  expect(replacements).toEqual([' am<|end|><|start|>assistant', 'still<|end|><|start|>assistant<|channel|>final<|message|>']);
  expect(reasoning).toBe('I amstill');
});

test('a forced call begins where reasoning ends, and its header is written for the model', () => {
  const answer: ChannelAnswer = { ...plain, startsIn: 'reasoning', calls: { isForced: true } };
  expect(read(answer, ['hm', '<|end|>', 'get<|message|>', '{"a":1}'])).toEqual({
    text: '',
    reasoning: 'hm',
    calls: ['get {"a":1}'],
    replacements: ['<|end|><|start|>assistant<|channel|>commentary to=functions.'],
  });
});

test.each([
  [
    'a call that is forced',
    { ...plain, calls: { isForced: true } },
    '<|end|><|start|>assistant<|channel|>commentary to=functions.',
  ],
  ['an answer of a schema', { ...plain, isFinalOnly: true }, '<|end|><|start|>assistant<|channel|>final<|message|>'],
  ['nothing', plain, undefined],
])('where the model ends its answer inside of its reasoning, %s follows', (_, answer, replacement) => {
  const reader = new ChannelReader({ ...answer, startsIn: 'reasoning' });
  reader.push(new TextEncoder().encode('hm'));
  expect(reader.continued()?.replacement).toBe(replacement);
  expect(reader.continued()).toBeUndefined();
});

test('the place of an answer says which grammar holds', () => {
  const reader = new ChannelReader(calling);
  const places = [
    '<|channel|>',
    'analysis<|message|>',
    'hm',
    '<|end|>',
    '<|start|>assistant<|channel|>final<|message|>',
    'Yes',
  ].map((token) => {
    reader.push(new TextEncoder().encode(token));
    return reader.place;
  });
  expect(places).toEqual(['header', 'reasoning', 'reasoning', 'header', 'text', 'text']);
});
