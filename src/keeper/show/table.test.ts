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
  { title: 'PATH', cell: ({ path }) => path, narrow: 'cut' },
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

test('on a narrow screen columns make room from the right: one is left out, another goes below its row in full', () => {
  const why = 'it is stopped. Start it: rbee hive start attic';
  const rows = [
    { name: 'attic', size: '1 B', path: why },
    { name: 'shed', size: '2 B', path: '' },
  ];
  const [name, size, path] = columns as [Column<Row>, Column<Row>, Column<Row>];
  const text = (screen: number) =>
    table(rows, [name, { ...size, narrow: 'drop' }, { ...path, narrow: 'below' }], { ...plainLook, columns: screen }).split('\n');
  expect(text(80)[1]).toBe(`attic   1 B  ${why}`);
  expect(text(40)).toEqual(['NAME   SIZE', 'attic   1 B', `  ${why}`, 'shed    2 B']);
  expect(text(10)).toEqual(['NAME', 'attic', `  ${why}`, 'shed']);
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
