import { expect, test } from 'vitest';
import { emptyTranscript, entriesIn, messagesOf, withEntry, type Entry } from './transcript.ts';

function after(...entries: Entry[]) {
  return entries.reduce(withEntry, emptyTranscript());
}

const hello: Entry = { kind: 'user', text: 'Hello', key: 'key-1' };
const hi: Entry = { kind: 'answer', text: 'Hi!' };

test('a message waits for its answer, and both are then sent with the next one', () => {
  expect(after(hello)).toMatchObject({ messages: [], pending: { text: 'Hello', key: 'key-1' } });
  expect(after(hello, hi)).toMatchObject({
    messages: [
      { role: 'user', content: 'Hello' },
      { role: 'assistant', content: 'Hi!' },
    ],
    pending: undefined,
  });
});

test('a message without an answer can be sent again, and the next message takes its place', () => {
  const failed: Entry = { kind: 'unanswered' };
  expect(after(hello, failed).pending).toEqual({ text: 'Hello', key: undefined });
  expect(after(hello, failed, { kind: 'user', text: 'Are you there?', key: 'key-2' }, hi).messages).toEqual([
    { role: 'user', content: 'Are you there?' },
    { role: 'assistant', content: 'Hi!' },
  ]);
});

test('the reasoning of an answer is sent too, for templates that keep it', () => {
  expect(after(hello, { ...hi, reasoning: 'Greet.' }).messages[1]).toEqual({
    role: 'assistant',
    content: 'Hi!',
    reasoning: 'Greet.',
  });
});

test('the system message stands before all, and outlives a new start', () => {
  const transcript = after({ kind: 'system', text: 'Be brief.' }, hello, hi, { kind: 'messages', messages: [] });
  expect(messagesOf(transcript)).toEqual([{ role: 'system', content: 'Be brief.' }]);
});

test('loaded messages replace the conversation, and their system message the other one', () => {
  const messages = [
    { role: 'system' as const, content: 'Be kind.' },
    { role: 'user' as const, content: 'Bees?' },
  ];
  const transcript = after({ kind: 'system', text: 'Be brief.' }, hello, hi, { kind: 'messages', messages });
  expect(transcript).toMatchObject({ system: 'Be kind.', messages: messages.slice(1), pending: undefined });
});

test('a line that a crash has cut costs only itself', () => {
  const lines = [JSON.stringify(hello), JSON.stringify(hi).slice(0, -3), '', 'null', '{"kind":"unknown"}', JSON.stringify(hi)];
  expect(entriesIn(lines.join('\n'))).toEqual([hello, hi]);
});
