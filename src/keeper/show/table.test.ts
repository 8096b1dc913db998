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

test('a table wider than the screen has its cuttable columns cut in the middle, since paths differ at their ends', () => {
  const rows = ['one', 'two'].map((name) => ({ name: 'tiny', size: '1 B', path: `/tmp/tmp.8fk2Xq/models/of/${name}.gguf` }));
  const lines = table(rows, columns, { ...plainLook, columns: 30 }).split('\n');
  expect(lines.slice(1)).toEqual(['tiny   1 B  /tmp/…/of/one.gguf', 'tiny   1 B  /tmp/…/of/two.gguf']);
});

test('on a narrow screen, columns are dropped or moved below their row, from the right', () => {
  const why = 'it is stopped. Start it: rbee hive start attic';
  const rows = [
    { name: 'attic', size: '1 B', path: why },
    { name: 'shed', size: '2 B', path: '' },
  ];
  const [name, size, path] = columns as [Column<Row>, Column<Row>, Column<Row>];
  const text = (screen: number) =>
    table(rows, [name, { ...size, narrow: 'drop' }, { ...path, narrow: 'below' }], { ...plainLook, columns: screen }).split('\n');
  expect(text(80)[1]).toBe(`attic   1 B  ${why}`);
  expect(text(50)).toEqual(['NAME   SIZE', 'attic   1 B', `  ${why}`, 'shed    2 B']);
  expect(text(10).slice(0, 3)).toEqual(['NAME', 'attic', '  it is']);
});

test('on a very narrow screen, other columns move below with their titles, and no line is wider than the screen', () => {
  const rows = [{ name: 'worker-1a2b3c4d', size: '1.9 MB', path: '/home/bee/models/tiny.gguf' }];
  expect(table(rows, columns, { ...plainLook, columns: 30 }).split('\n')).toEqual([
    'NAME               SIZE',
    'worker-1a2b3c4d  1.9 MB',
    '  path /home/b…odels/tiny.gguf',
  ]);
});

test('a table with emoji and Chinese characters is as wide as they are on a screen', () => {
  const rows = [
    { name: '蜂蜜', size: '1 B', path: 'x' },
    { name: '🐝👩‍👩‍👧', size: '1 B', path: 'x' },
    { name: 'tiny', size: '1 B', path: 'x' },
  ];
  expect(table(rows, columns, plainLook).split('\n')).toEqual([
    'NAME  SIZE  PATH',
    '蜂蜜   1 B  x',
    '🐝👩‍👩‍👧   1 B  x',
    'tiny   1 B  x',
  ]);
});

test('a cell never breaks its row', () => {
  const rows = [{ name: 'a\nb\r\nc\td', size: '1', path: 'x' }];
  expect(table(rows, columns, plainLook).split('\n')).toEqual(['NAME     SIZE  PATH', 'a b c d     1  x']);
});

test('a list leaves out undefined values and indents further lines', () => {
  const pairs = [
    ['name', 'tiny'],
    ['port', undefined],
    ['last lines', 'one\ntwo'],
  ] as const;
  expect(list(pairs, plainLook)).toBe(['name        tiny', 'last lines  one', '            two'].join('\n'));
});
