import { expect, test } from 'vitest';
import { headOf } from './chat-head.ts';
import { ChatStream } from './chat-stream.ts';

test('a text that is passed on as it is makes the same chunks as one that is parsed', () => {
  const head = headOf('a "content":"" model');
  const options = { forms: { custom: new Set<string>(), isOlder: false }, each: 2 };
  const texts = ['', ' bee', '\u2028\n\\', '🐝', '"content":""'];
  for (const withUsage of [false, true]) {
    const [parsed, passed] = [new ChatStream(head, { ...options, withUsage }), new ChatStream(head, { ...options, withUsage })];
    for (const choice of [0, 1]) {
      const of = (text: string) => parsed.event({ kind: 'token', data: { text } }, choice);
      expect(texts.map((text) => passed.token(JSON.stringify(text), choice))).toEqual(texts.map(of));
    }
  }
});
