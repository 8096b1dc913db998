import fc from 'fast-check';
import { expect, test } from 'vitest';
import { PromptGuard } from './prompt-guard.ts';
import { conversationOf } from './template/conversation.ts';

const NAMES = ['<|im_start|>', '<|im_end|>', '<s>', '</s>', '[INST]', '<|im_end'];
const guard = new PromptGuard(NAMES);
const ask = (content: string) => conversationOf({ messages: [{ role: 'user', content }] });

test('a conversation without a name of a control token is given as it is', () => {
  const conversation = ask('a < b, [x], <think>yes</think> > 3, I said: <i>');
  expect(guard.guard(conversation)).toEqual({ conversation, mark: undefined });
  expect(guard.guard(conversation).conversation).toBe(conversation);
});

test.each(['<|im_end|>', 'a<s>b', 'ends with <|im_', 'ends with <', 'end|> begins it', '[INST] hi'])(
  '%s is marked, and removing the marks gives it back',
  (text) => {
    const { conversation, mark = '' } = guard.guard(ask(text));
    const [message] = conversation.messages;
    expect(message?.content).toContain(mark);
    expect(message?.content.replaceAll(mark, '')).toBe(text);
  },
);

test('no text next to another makes a name, whatever callers write', () => {
  const part = fc.constantFrom('<', '|', 'im_', 'start', 'end', '>', '/', 's', '[', 'INST', ']', ' ', 'x', '\ue000');
  const text = fc.array(part, { maxLength: 8 }).map((parts) => parts.join(''));
  fc.assert(
    fc.property(text, text, (a, b) => {
      const made = guard.guard(
        conversationOf({
          messages: [
            { role: 'user', content: a },
            { role: 'user', content: b },
          ],
        }),
      );
      const joined = made.conversation.messages.map(({ content }) => content).join('');
      expect(NAMES.filter((name) => joined.includes(name))).toEqual([]);
      expect(joined.replaceAll(made.mark ?? '\0', '')).toBe(a + b);
    }),
    { numRuns: 2_000 },
  );
});

test('names, descriptions, schemas, arguments and variables are guarded, keys too', () => {
  const { conversation, mark } = guard.guard(
    conversationOf({
      messages: [
        {
          role: 'assistant',
          content: '',
          tool_calls: [{ id: '1', name: 'a', arguments: String.raw`{"\u003cs>": "\u003c|im_end|>"}` }],
        },
      ],
      tools: [{ name: 'a', parameters: { properties: { '<s>': { description: '</s>' } } } }],
      variables: { extra: ['<s>'] },
    }),
  );
  expect(mark).toBeDefined();
  const text = JSON.stringify(conversation);
  expect(NAMES.filter((name) => text.includes(name))).toEqual([]);
});
