import { expect, test } from 'vitest';
import type { ChatMessage } from '../../../../contract/index.ts';
import { templateSources, writerOf } from '../fixtures/templates.ts';
import { conversationOf, type PromptRequest } from './conversation.ts';
import { renderPrompt } from './prompt-text.ts';

const modelOf = (name: string) => writerOf(templateSources.get(name) ?? '');
const prompt = (request: PromptRequest, writer: ReturnType<typeof writerOf>) => renderPrompt(conversationOf(request), writer);
const user = (content: string): ChatMessage => ({ role: 'user', content });
const assistant = (content: string, more: Partial<ChatMessage> = {}): ChatMessage => ({ role: 'assistant', content, ...more });
const system = (content: string): ChatMessage => ({ role: 'system', content });
const call = (id: string) => ({ id, name: 'count', arguments: '{"bee": "queen"}' });

test.each([
  [
    'Qwen-Qwen3-0.6B',
    {
      system: true,
      tools: true,
      calls: 'object',
      reasoningSwitch: { variable: 'enable_thinking', isOn: true },
      reasoningTags: { open: '<think>', close: '</think>' },
    },
  ],
  ['Qwen3.5-4B', { laterSystem: false, calls: 'object', reasoningMember: 'reasoning_content' }],
  ['google-gemma-2-2b-it', { system: false, adjacentUsers: false, tools: false, calls: false, toolRole: false }],
  ['mistralai-Mistral-Nemo-Instruct-2407', { shortCallIds: true, adjacentUsers: false, userAfterTool: false, tools: true }],
  ['meta-llama-Llama-3.1-8B-Instruct', { severalCalls: false, calls: 'object', toolRole: true }],
  [
    'openai-gpt-oss-120b',
    {
      severalCalls: false,
      reasoningMember: 'thinking',
      reasoningEffort: true,
      reasoningTags: { open: '<|channel|>analysis<|message|>', close: '<|end|>' },
    },
  ],
  ['deepseek-ai-DeepSeek-R1-Distill-Llama-8B', { callsAlone: true, tools: false, laterSystem: false }],
  ['tencent-Hy3', { reasoningTags: { open: '<think:opensource>', close: '</think:opensource>' } }],
  ['mistralai-Ministral-3-14B-Reasoning-2512', { reasoningTags: { open: '[THINK]', close: '[/THINK]' } }],
  ['CohereForAI-c4ai-command-r7b-12-2024-tool_use', { reasoningTags: { open: '<|START_THINKING|>', close: '<|END_THINKING|>' } }],
])('what the template of %s takes is found', (name, expected) => {
  expect(modelOf(name).capabilities).toMatchObject(expected);
});

test('no template of the corpus refuses a long conversation with everything in it', () => {
  const messages: ChatMessage[] = [
    system('one-1'),
    system('two-2'),
    assistant('three-3'),
    user('four-4'),
    user('five-5'),
    system('six-6'),
    assistant('seven-7', { reasoning: 'because', tool_calls: [call('call_00000000000001'), call('call_00000000000002')] }),
    { role: 'tool', content: 'eight-8', tool_call_id: 'call_00000000000002' },
    { role: 'tool', content: 'nine-9', tool_call_id: 'call_00000000000001' },
    user('ten-10'),
    assistant(''),
    system('eleven-11'),
  ];
  const tools = [
    { name: 'count', parameters: { type: 'object', properties: { bee: { type: 'string', description: 'which' } } } },
  ];
  const lost: string[] = [];
  for (const [name, source] of templateSources) {
    // It needs a variable of its own, `functions`, without which the reference refuses everything, too.
    if (name === 'fireworks-ai-llama-3-firefunction-v2') continue;
    const { text } = prompt({ messages, tools }, writerOf(source));
    // The answer with the calls: some templates leave its text out.
    const words = messages
      .filter(({ content }) => content !== '' && content !== 'seven-7')
      .map(({ content }) => content as string);
    if (!words.every((word) => text.includes(word)))
      lost.push(`${name}: ${words.filter((word) => !text.includes(word)).join(', ')}`);
  }
  expect(lost).toEqual([]);
});

test('the beginning of a prompt stays the same when a system message comes later', () => {
  for (const name of ['Qwen3.5-4B', 'google-gemma-2-2b-it', 'meta-llama-Llama-3.1-8B-Instruct']) {
    const before = [system('s'), user('a'), assistant('b')];
    const writer = modelOf(name);
    const { text } = prompt({ messages: [...before, user('c')] }, writer);
    const changed = prompt({ messages: [...before, system('now'), user('c')] }, writer).text;
    expect(changed.slice(0, text.lastIndexOf('c'))).toContain(text.slice(0, text.indexOf('b') + 1));
  }
});

test.each([
  ['Qwen-Qwen2.5-7B-Instruct', '<|im_start|>assistant\nIt is'],
  ['meta-llama-Llama-3.1-8B-Instruct', '<|start_header_id|>assistant<|end_header_id|>\n\nIt is'],
  ['openai-gpt-oss-120b', '<|start|>assistant<|channel|>final<|message|>It is'],
  ['google-gemma-2-2b-it', '<start_of_turn>model\nIt is'],
  ['deepseek-ai-DeepSeek-R1-Distill-Qwen-32B', '<｜Assistant｜>It is'],
])('an answer is continued as %s writes answers', (name, end) => {
  const made = prompt({ messages: [user('hi'), assistant('It is')] }, modelOf(name));
  expect(made.text.endsWith(end)).toBe(true);
  expect(made.isReasoning).toBe(false);
});

test('an answer that is cut in its reasoning is continued there', () => {
  const made = prompt({ messages: [user('hi'), assistant('', { reasoning: 'They greet' })] }, modelOf('Qwen-QwQ-32B'));
  expect(made.text.endsWith('<|im_start|>assistant\n<think>\nThey greet')).toBe(true);
  expect(made.isReasoning).toBe(true);
  const closed = prompt({ messages: [user('hi'), assistant('Hello', { reasoning: 'They greet' })] }, modelOf('Qwen-Qwen3-0.6B'));
  expect(closed.text.endsWith('<|im_start|>assistant\n<think>\nThey greet\n</think>\n\nHello')).toBe(true);
  expect(closed.isReasoning).toBe(false);
});

test('reasoning is on or off as asked: by the switch of the template, or by an empty block of reasoning', () => {
  const ends = (name: string, on: boolean | undefined) => {
    const { text, isReasoning } = prompt({ messages: [user('hi')], reasoning: { on } }, modelOf(name));
    return { end: text.slice(text.lastIndexOf('assistant\n') + 'assistant\n'.length), isReasoning };
  };
  expect(ends('Qwen-Qwen3-0.6B', undefined)).toEqual({ end: '', isReasoning: false });
  expect(ends('Qwen-Qwen3-0.6B', false)).toEqual({ end: '<think>\n\n</think>\n\n', isReasoning: false });
  expect(ends('StepFun3.5-Flash', undefined)).toEqual({ end: '<think>\n', isReasoning: true });
  expect(ends('StepFun3.5-Flash', false)).toEqual({ end: '<think>\n\n</think>\n\n', isReasoning: false });
  expect(prompt({ messages: [user('hi')], reasoning: { effort: 'high' } }, modelOf('openai-gpt-oss-120b')).text).toContain(
    'Reasoning: high',
  );
});

test('variables of the client replace those of rbee', () => {
  const writer = writerOf('{{ enable_thinking }}{{ flavour }}{% for m in messages %}{{ m.content }}{% endfor %}');
  expect(
    prompt({ messages: [user('hi')], reasoning: { on: true }, variables: { flavour: 'honey', enable_thinking: 'maybe' } }, writer)
      .text,
  ).toBe('maybehoneyhi');
});

test('arguments that are no JSON object stay in the conversation', () => {
  const messages = [
    user('hi'),
    assistant('', { tool_calls: [{ id: '1', name: 'count', arguments: 'bees!' }] }),
    { role: 'tool' as const, content: 'no', tool_call_id: '1' },
  ];
  const tools = [{ name: 'count' }];
  expect(prompt({ messages, tools }, modelOf('Qwen-Qwen2.5-7B-Instruct')).text).toContain(
    '{"name": "count", "arguments": {"_raw": "bees!"}}',
  );
});

test('gpt-oss gets the reasoning of a turn with calls until it has answered, and what was said with it', () => {
  const writer = modelOf('openai-gpt-oss-120b');
  const calling = assistant('I look.', { reasoning: 'They want a count', tool_calls: [call('call_1')] });
  const result: ChatMessage = { role: 'tool', content: '5', tool_call_id: 'call_1' };
  const tools = [{ name: 'count', description: 'Counts', parameters: { type: 'object', properties: {} } }];
  const open = prompt({ messages: [user('hi'), calling, result], tools }, writer).text;
  expect(open).toContain(
    '<|start|>assistant<|channel|>analysis<|message|>They want a count\n\nI look.<|end|><|start|>assistant to=functions.count<|channel|>commentary json<|message|>{"bee": "queen"}<|call|><|start|>functions.count to=assistant<|channel|>commentary<|message|>"5"<|end|><|start|>assistant',
  );
  const later = prompt({ messages: [user('hi'), calling, result, assistant('5'), user('and now?')], tools }, writer).text;
  expect(later).not.toContain('They want a count');
  expect(later).toContain('to=functions.count<|channel|>commentary json<|message|>{"bee": "queen"}<|call|>');
});
