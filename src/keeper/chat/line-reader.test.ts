import { expect, test } from 'vitest';
import { LineReader } from './line-reader.ts';

/** The messages that lines make; a pasted line begins with '|'. */
function messagesOf(...lines: string[]): string[] {
  const reader = new LineReader();
  const messages = lines.map((line) => (line.startsWith('|') ? reader.push(line.slice(1), true) : reader.push(line)));
  return [...messages, reader.take()].filter((message) => message !== undefined);
}

test.each([
  [
    ['a', 'b'],
    ['a', 'b'],
  ],
  [['', '  ', '\t'], []],
  [
    ['a\\', 'b\\', 'c', 'd'],
    ['a\nb\nc', 'd'],
  ],
  [
    ['"""', 'a', '', 'b\\', '"""', 'c'],
    ['a\n\nb\\', 'c'],
  ],
  [
    ['"""a', 'b"""', 'c'],
    ['a\nb', 'c'],
  ],
  [
    ['"""a"""', 'b'],
    ['a', 'b'],
  ],
  [['  """', 'a', '"""  '], ['a']],
  [
    ['say """', 'b'],
    ['say """', 'b'],
  ],
  [
    ['|a', '|b', 'c', 'd'],
    ['a\nb\nc', 'd'],
  ],
  [
    ['|a\\', '|', '', 'd'],
    ['a\\\n\n', 'd'],
  ],
  [['a\\'], ['a']],
  [['"""', 'a'], ['a']],
])('the lines %j are the messages %j', (lines, messages) => {
  expect(messagesOf(...lines)).toEqual(messages);
});

test('what has begun can be dropped', () => {
  const reader = new LineReader();
  reader.push('"""');
  reader.push('a');
  expect(reader.isOpen).toBe(true);
  reader.drop();
  expect(reader.isOpen).toBe(false);
  expect(reader.push('b')).toBe('b');
});
