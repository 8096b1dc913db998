import { expect, test } from 'vitest';
import { plainLook } from './look.ts';
import { list, table, type Column } from './table.ts';

interface Row {
  name: string;
  size: string;
  path: string;
}

const columns: Column<Row>[] = [
  { title: 'NAME', cell: ({ name }) => name },
  { title: 'SIZE', cell: ({ size }) => size, align: 'right' },
  { title: 'PATH', cell: ({ path }) => path, shrinks: true },
];

test('columns are as wide as their widest cell, and numbers are flush right', () => {
  const rows = [
    { name: 'tiny', size: '1.9 MB', path: '/a' },
    { name: 'qwen3-8b', size: '5 GB', path: '/b' },
  ];
  expect(table(rows, columns, plainLook)).toBe(
    ['NAME        SIZE  PATH', 'tiny      1.9 MB  /a', 'qwen3-8b    5 GB  /b'].join('\n'),
  );
});

test('a table wider than the screen is cut where it may be', () => {
  const rows = [{ name: 'tiny', size: '1 B', path: '/a/very/long/path/to/some/model.gguf' }];
  const text = table(rows, columns, { ...plainLook, columns: 30 });
  expect(text.split('\n').at(-1)).toBe('tiny   1 B  /a/very/long/path…');
});

test('a cell never breaks its row, nor commands the terminal', () => {
  const rows = [{ name: 'a\nb', size: '\u001b[31m1\u0007', path: 'x' }];
  expect(table(rows, columns, plainLook).split('\n')).toEqual(['NAME   SIZE  PATH', 'a b   [31m1  x']);
});

test('a list leaves out what is not known, and indents what has more lines', () => {
  const pairs = [
    ['name', 'tiny'],
    ['port', undefined],
    ['last words', 'one\ntwo'],
  ] as const;
  expect(list(pairs, plainLook)).toBe(['name        tiny', 'last words  one', '            two'].join('\n'));
});
