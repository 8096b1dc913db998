import { expect, test } from 'vitest';
import { GENERIC_FORM } from '../calls/call-form.ts';
import { PLAIN, type TemplateCapabilities } from './capabilities.ts';
import type { Conversation, TemplateCall, TemplateMessage } from './conversation.ts';
import { folded } from './folding.ts';

/** What a template of today takes. */
const ALL: TemplateCapabilities = {
  ...PLAIN,
  system: true,
  laterSystem: true,
  adjacentUsers: true,
  adjacentAssistants: true,
  assistantFirst: true,
  tools: true,
  calls: 'object',
  callForm: GENERIC_FORM,
  severalCalls: true,
  toolRole: true,
  userAfterTool: true,
};

const user = (content: string): TemplateMessage => ({ role: 'user', content });
const assistant = (content: string, ...calls: TemplateCall[]): TemplateMessage => ({
  role: 'assistant',
  content,
  ...(calls.length > 0 && { calls }),
});
const system = (content: string): TemplateMessage => ({ role: 'system', content });
const call = (id: string, bee: string): TemplateCall => ({
  id,
  name: 'count',
  arguments: { bee },
  argumentsText: `{"bee":"${bee}"}`,
});
const result = (callId: string, content: string): TemplateMessage => ({ role: 'tool', name: 'count', callId, content });
const tools = [{ name: 'count', description: 'Counts', parameters: { type: 'object' } }];

const fold = (messages: TemplateMessage[], takes: Partial<TemplateCapabilities>, more: Partial<Conversation> = {}) =>
  folded({ messages, tools: [], reasoning: {}, variables: {}, ...more }, { ...ALL, ...takes }).messages;

test('what a template takes stays as it is', () => {
  const messages = [
    system('s'),
    user('a'),
    user('b'),
    assistant('c', call('1', 'x'), call('2', 'y')),
    result('1', 'r'),
    user('d'),
    system('t'),
  ];
  expect(fold(messages, {}, { tools })).toEqual(messages);
});

test('system messages at the start are one', () => {
  expect(fold([system('a'), system('b'), user('c')], {})).toEqual([system('a\n\nb'), user('c')]);
});

test('a later system message goes into the next user message, and never before what it followed', () => {
  const takes = { laterSystem: false, adjacentUsers: false };
  expect(fold([system('s'), user('a'), assistant('b'), system('t'), user('c')], takes)).toEqual([
    system('s'),
    user('a'),
    assistant('b'),
    user('t\n\nc'),
  ]);
  expect(fold([user('a'), system('t')], takes)).toEqual([user('a\n\nt')]);
  expect(fold([user('a'), assistant('b'), system('t')], takes)).toEqual([user('a'), assistant('b'), user('t')]);
});

test('without a system role, its text is before that of the user', () => {
  expect(fold([system('s'), user('a')], { system: false })).toEqual([user('s\n\na')]);
  expect(fold([system('s')], { system: false })).toEqual([user('s')]);
});

test('neighbours of the same role are joined, and a conversation starts with a user', () => {
  const takes = { adjacentUsers: false, adjacentAssistants: false, assistantFirst: false };
  expect(fold([assistant('a'), user('b'), user('c'), assistant('d'), assistant('e', call('1', 'x'))], takes)).toEqual([
    user(''),
    assistant('a'),
    user('b\n\nc'),
    assistant('d\n\ne', call('1', 'x')),
  ]);
});

test('tools, calls and results are described in words to a model without tools', () => {
  const messages = [user('how many?'), assistant('', call('1', 'x')), result('1', '5')];
  const [first, ...rest] = fold(messages, { tools: false, callForm: undefined }, { tools });
  expect(first?.content).toMatch(
    /^You may call these tools\..+\n\{"name":"count","description":"Counts","parameters":\{"type":"object"\}\}$/s,
  );
  expect(rest).toEqual([user('how many?'), assistant('{"name":"count","arguments":{"bee":"x"}}'), user('Result of count:\n5')]);
});

test('to a template that writes calls, and nothing of tools, they are described with its own form of calls', () => {
  const messages = [user('how many?'), assistant('', call('1', 'x')), result('1', '5')];
  const callForm = { ...GENERIC_FORM, before: '<call>', infix: '<with>', after: '</call>' };
  const [first, ...rest] = fold(messages, { tools: false, callForm }, { tools });
  expect(first?.content).toContain('answer with nothing but <call><name><with><arguments as JSON></call>.');
  expect(rest).toEqual(messages);
});

test('calls that a template takes one by one are each before their result', () => {
  const messages = [assistant('a', call('1', 'x'), call('2', 'y')), result('2', 'two'), result('1', 'one'), user('b')];
  expect(fold(messages, { severalCalls: false })).toEqual([
    assistant('', call('2', 'y')),
    result('2', 'two'),
    assistant('a', call('1', 'x')),
    result('1', 'one'),
    user('b'),
  ]);
});

test('calls that a template writes only without content are apart from it', () => {
  expect(fold([assistant('a', call('1', 'x'))], { callsAlone: true })).toEqual([assistant('a'), assistant('', call('1', 'x'))]);
});

test('ids that have to be short are, and join the same call and result', () => {
  const [first, second] = fold([assistant('', call('call_abcdefghijkl', 'x')), result('call_abcdefghijkl', 'r')], {
    shortCallIds: true,
  });
  expect(first?.calls?.[0]?.id).toMatch(/^[a-z0-9]{9}$/);
  expect(second?.callId).toBe(first?.calls?.[0]?.id);
});
