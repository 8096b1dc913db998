import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { GENERIC_FORM, type CallForm } from './call-form.ts';
import { CallReader } from './call-reader.ts';
import { callFormOf, type ProbeCall } from './find-form.ts';

const probes: [ProbeCall, ProbeCall] = [
  { name: 'probe_one', id: 'probe0001', key: 'key_one', value: 'value-one' },
  { name: 'probe_two', id: 'probe0002', key: 'key_two', value: 'value-two' },
];
const json = ({ key, value }: ProbeCall) => `{"${key}": "${value}"}`;

/** As templates write an answer, after `<user>hi<assistant>`. */
const written: Record<string, (calls: readonly ProbeCall[]) => string> = {
  'Qwen 2.5': (calls) =>
    calls.map((call) => `<tool_call>\n{"name": "${call.name}", "arguments": ${json(call)}}\n</tool_call>`).join('\n'),
  'Mistral Nemo': (calls) =>
    `[TOOL_CALLS][${calls.map((call) => `{"name": "${call.name}", "arguments": ${json(call)}, "id": "${call.id}"}`).join(', ')}]`,
  'Mistral Small 3.2': (calls) => calls.map((call) => `[TOOL_CALLS]${call.name}[ARGS]${json(call)}`).join(''),
  'Llama 3.1': (calls) => `{"name": "${calls[0]?.name ?? ''}", "parameters": ${json(probes[0])}}`,
  'DeepSeek V3.1': (calls) =>
    `<｜tool▁calls▁begin｜>${calls.map((call) => `<｜tool▁call▁begin｜>${call.name}<｜tool▁sep｜>${json(call)}<｜tool▁call▁end｜>`).join('')}<｜tool▁calls▁end｜>`,
};

function formOf(write: (calls: readonly ProbeCall[]) => string): CallForm | undefined {
  const turn = (text: string) => `<user>hi<assistant>${text}<end>`;
  const texts = {
    prompt: '<user>hi<assistant>',
    answered: turn('yes'),
    answer: 'yes',
    one: turn(write(probes.slice(0, 1))),
    two: turn(write(probes)),
    more: '',
    lines: '',
  };
  return callFormOf(texts, probes, { number: { key: 'number', value: '1' }, flag: 'flag', lines: '' });
}

test.each([
  [
    'Qwen 2.5',
    {
      before: '<tool_call>\n{"name": "',
      infix: '", "arguments": ',
      between: '}\n</tool_call>\n<tool_call>\n{"name": "',
      after: '}\n</tool_call>',
      trigger: '<tool_call>',
      isOnlyAtStart: false,
    },
  ],
  [
    'Mistral Nemo',
    {
      before: '[TOOL_CALLS][{"name": "',
      infix: '", "arguments": ',
      between: ', "id": "[id]"}, {"name": "',
      after: ', "id": "[id]"}]',
      trigger: '[TOOL_CALLS]',
      isOnlyAtStart: false,
    },
  ],
  [
    'Mistral Small 3.2',
    {
      before: '[TOOL_CALLS]',
      infix: '[ARGS]',
      between: '[TOOL_CALLS]',
      after: '',
      trigger: '[TOOL_CALLS]',
      isOnlyAtStart: false,
    },
  ],
  [
    'Llama 3.1',
    { before: '{"name": "', infix: '", "parameters": ', between: '', after: '}', trigger: '{"name": "', isOnlyAtStart: true },
  ],
  [
    'DeepSeek V3.1',
    {
      before: '<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>',
      infix: '<｜tool▁sep｜>',
      between: '<｜tool▁call▁end｜><｜tool▁call▁begin｜>',
      after: '<｜tool▁call▁end｜><｜tool▁calls▁end｜>',
      trigger: '<｜tool▁calls▁begin｜>',
      isOnlyAtStart: false,
    },
  ],
])('the form of the calls of %s is found', (family, form) => {
  expect(formOf(written[family] ?? (() => ''))).toEqual(form);
});

test('a template that leaves calls out, or writes arguments as text, has no such form', () => {
  expect(formOf(() => '')).toBeUndefined();
  expect(formOf((calls) => calls.map(({ name }) => `<call ${name}/>`).join(''))).toBeUndefined();
});

function read(form: CallForm, pieces: readonly string[]): { name: string; arguments: string }[] {
  const reader = new CallReader(form, () => new Set());
  const calls: { name: string; arguments: string }[] = [];
  for (const event of pieces.flatMap((piece) => reader.push(piece))) {
    if (event.kind === 'tool_call') calls.push({ name: event.name, arguments: '' });
    else if (event.kind === 'tool_arguments') {
      const call = calls[event.index];
      if (call) call.arguments += event.text;
    }
  }
  reader.end();
  expect(reader.isOver).toBe(true);
  return calls;
}

test.each(
  Object.entries({
    ...written,
    'the generic form': (calls: readonly ProbeCall[]) =>
      calls.map((call) => `{"name":"${call.name}","arguments":${json(call)}}`).join('\n\n'),
  }),
)('calls of %s are read alike however they are split', (family, write) => {
  const form = family === 'the generic form' ? GENERIC_FORM : formOf(write);
  if (!form) throw new TypeError('no form');
  const made = [{ ...probes[0], value: '}] \\" \\\\' }, probes[1]].slice(0, form.between === '' ? 1 : 2);
  const text = write(made).replace('"value-one"', '"}] \\" \\\\"');
  const whole = read(form, [text]);
  expect(whole.map(({ name }) => name)).toEqual(made.map(({ name }) => name));
  expect(whole.every((call) => typeof JSON.parse(call.arguments) === 'object')).toBe(true);
  expect(read(form, [...text])).toEqual(whole);
  fc.assert(
    fc.property(fc.array(fc.nat(text.length), { maxLength: 6 }), (places) => {
      const cuts = [0, ...places.sort((a, b) => a - b), text.length];
      expect(
        read(
          form,
          cuts.slice(1).map((end, index) => text.slice(cuts[index], end)),
        ),
      ).toEqual(whole);
    }),
    { numRuns: 40 },
  );
});
