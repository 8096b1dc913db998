import type { ChatHistoryItem } from 'node-llama-cpp';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { never } from './fixtures/engine.ts';
import { templateRenderer } from './llama-module.ts';
import { TemplateThread } from './template-thread.ts';

const MESSAGES = '{% for message in messages %}<s>{{ message.content }}{% endfor %}';
/** The library tries a template with conversations of three to six messages. */
const [LOOPS, GROWS, DIES, FLOODS] = [11, 13, 15, 17];
const HOSTILE = `
{%- if messages|length == ${String(LOOPS)} %}{% for a in range(99999) %}{% for b in range(99999) %}{% set c = b %}{% endfor %}{% endfor %}{% endif %}
{%- if messages|length == ${String(GROWS)} %}{% set all = namespace(list=messages) %}{% for a in range(99) %}{% set all.list = all.list + all.list %}{% endfor %}{% endif %}
{%- if messages|length == ${String(DIES)} %}{{ raise_exception('no ' + 'way! ' * 1) }}{% endif %}
{%- if messages|length == ${String(FLOODS)} %}{% set all = namespace(text='bees, bees and bees') %}{% for a in range(21) %}{% set all.text = all.text + all.text %}{% endfor %}{{ all.text }}{% endif %}
{%- macro deeper(n) %}{{ deeper(n + 1) }}{% endmacro %}{% if messages|length == 19 %}{{ deeper(0) }}{% endif %}`;

let thread: TemplateThread;

const turns = (count: number) =>
  Array.from({ length: count }, (_, index): ChatHistoryItem =>
    index % 2 === 0 ? { type: 'user', text: 'hi' } : { type: 'model', response: ['yes'] },
  );

beforeAll(async () => {
  const options = {
    template: HOSTILE + MESSAGES,
    functionCallMessageTemplate: 'noJinja',
    joinAdjacentMessagesOfTheSameType: false,
  } as const;
  thread = await TemplateThread.open({ wrapper: await templateRenderer(''), options, deadlineMs: 1_000 });
});

afterAll(() => thread.close());

test.each([
  ['loops indefinitely', LOOPS, /^it takes more than 1 s or 256 MB$/],
  ['fills the memory', GROWS, /^it takes more than 1 s or 256 MB$/],
  ['throws', DIES, /no/],
  ['makes a text without an end', FLOODS, /text of more than|it takes more than/],
  ['recurses indefinitely', 19, /call stack|Cannot call|it takes more than/],
])('a template that %s fails that conversation, and the next is rendered', async (_, length, words) => {
  const [failed, next] = await Promise.allSettled([thread.render(turns(length), never), thread.render(turns(1), never)]);
  expect(failed).toMatchObject({ status: 'rejected', reason: { message: expect.stringMatching(words) as string } });
  expect(next).toMatchObject({ status: 'fulfilled', value: [{ value: '<s>' }, 'hi'] });
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
  const options = {
    template: HOSTILE + MESSAGES,
    functionCallMessageTemplate: 'noJinja',
    joinAdjacentMessagesOfTheSameType: false,
  } as const;
  const closing = await TemplateThread.open({ wrapper: await templateRenderer(''), options });
  const rendering = closing.render(turns(LOOPS), never);
  await Promise.all([expect(rendering).rejects.toThrowError(), closing.close()]);
});
