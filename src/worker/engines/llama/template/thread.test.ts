import { afterAll, beforeAll, expect, test } from 'vitest';
import { never } from '../fixtures/engine.ts';
import { PLAIN } from './capabilities.ts';
import type { Conversation } from './conversation.ts';
import { TemplateThread } from './thread.ts';

const MESSAGES = '{% for message in messages %}<s>{{ message.content }}{% endfor %}';
const [LOOPS, GROWS, DIES, FLOODS, DEEPENS] = [11, 13, 15, 17, 19];
const HOSTILE = `
{%- set long = range(99999) %}
{%- if messages|length == ${String(LOOPS)} %}{% for a in long %}{% for b in long %}{% set c = b %}{% endfor %}{% endfor %}{% endif %}
{%- if messages|length == ${String(GROWS)} %}{% set all = namespace(list=messages) %}{% for a in range(99) %}{% set all.list = all.list + all.list %}{% endfor %}{% endif %}
{%- if messages|length == ${String(DIES)} %}{{ raise_exception('no way!') }}{% endif %}
{%- if messages|length == ${String(FLOODS)} %}{% set all = namespace(text='bees, bees and bees') %}{% for a in range(21) %}{% set all.text = all.text + all.text %}{% endfor %}{{ all.text }}{% endif %}
{%- macro deeper(n) %}{{ deeper(n + 1) }}{% endmacro %}{% if messages|length == ${String(DEEPENS)} %}{{ deeper(0) }}{% endif %}`;

let thread: TemplateThread;

const deadlineMs = { render: 1_000, start: 100_000 };
const open = (template: string, deadlines = deadlineMs) =>
  TemplateThread.open({ template, constants: {}, ends: [], deadlineMs: deadlines });

const turns = (count: number): Conversation => ({
  messages: Array.from({ length: count }, (_, index) =>
    index % 2 === 0 ? { role: 'user', content: 'hi' } : { role: 'assistant', content: 'yes' },
  ),
  tools: [],
  reasoning: {},
  variables: {},
});

beforeAll(async () => {
  thread = await open(HOSTILE + MESSAGES);
});

afterAll(() => thread.close());

test.each([
  ['loops indefinitely', LOOPS, /^it takes more than 1 s or 256 MB$/],
  ['fills the memory', GROWS, /^it takes more than 1 s or 256 MB$/],
  ['throws', DIES, /^no way!$/],
  ['makes a text without an end', FLOODS, /text of more than|it takes more than/],
  ['recurses indefinitely', DEEPENS, /call stack|it takes more than/],
])('a template that %s fails that conversation, and the next is rendered', async (_, length, words) => {
  const [failed, next] = await Promise.allSettled([thread.render(turns(length), never), thread.render(turns(1), never)]);
  expect(failed).toMatchObject({ status: 'rejected', reason: { message: expect.stringMatching(words) as string } });
  expect(next).toMatchObject({ status: 'fulfilled', value: { text: '<s>hi' } });
});

test('an aborted conversation is not rendered', async () => {
  const gone = new AbortController();
  const renders = [thread.render(turns(LOOPS), never), thread.render(turns(LOOPS), gone.signal), thread.render(turns(1), never)];
  gone.abort(new Error('gone'));
  const [, unwanted, next] = await Promise.allSettled(renders);
  expect(unwanted).toMatchObject({ status: 'rejected', reason: { message: 'gone' } });
  expect(next).toMatchObject({ status: 'fulfilled' });
});

test('close ends a conversation that is being rendered', async () => {
  const closing = await open(HOSTILE + MESSAGES, { render: 100_000, start: 100_000 });
  const rendering = closing.render(turns(LOOPS), never);
  await Promise.all([expect(rendering).rejects.toThrowError(), closing.close()]);
});

test('a template that does nothing but loop refuses each conversation, and is tried once', async () => {
  const looping = await open('{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}', {
    render: 300,
    start: 300,
  });
  expect(looping.capabilities).toEqual(PLAIN);
  await expect(looping.render(turns(1), never)).rejects.toThrowError('it takes more than 0.3 s or 256 MB');
  await looping.close();
});
