import { beforeEach, describe, expect, test } from 'vitest';
import { openMemoryCatalog } from '../../jobs/index.ts';
import { ModelNames } from './model-names.ts';

const models = new Set(['tiny', 'big', 'old:latest', 'Acme/Bee-GGUF:Q8_0', 'acme/two:Q4_0', 'acme/two:Q8_0']);
const catalog = openMemoryCatalog();
const open = () => new ModelNames(catalog, { has: (name) => models.has(name), names: () => [...models] });
let names: ModelNames;
beforeEach(() => {
  names = open();
  for (const { alias } of names.list()) names.remove(alias);
  names.add('claude-haiku-4-5', 'tiny');
  names.add('mine:latest', 'big');
});

test.each([
  ['tiny', 'tiny'],
  ['tiny:latest', 'tiny'],
  ['old:latest', 'old:latest'],
  ['old', 'old'],
  ['claude-haiku-4-5', 'tiny'],
  ['claude-haiku-4-5:latest', 'tiny'],
  ['mine:latest', 'big'],
  ['mine', 'mine'],
  ['tiny:7b', 'tiny:7b'],
  ['none:latest', 'none'],
  ['Acme/Bee-GGUF:Q8_0', 'Acme/Bee-GGUF:Q8_0'],
  ['acme/bee-gguf:q8_0', 'Acme/Bee-GGUF:Q8_0'],
  ['hf:acme/bee-GGUF', 'Acme/Bee-GGUF:Q8_0'],
  ['acme/bee-gguf:latest', 'Acme/Bee-GGUF:Q8_0'],
  ['acme/bee-gguf:Q4_0', 'acme/bee-gguf:Q4_0'],
  ['acme/two', 'acme/two'],
])('%s means %s', (name, model) => {
  expect(names.resolve(name)).toBe(model);
});

test('an alias of an alias is one of its model, and keeps it when the other alias is changed', () => {
  names.add('gpt-4o', 'claude-haiku-4-5');
  names.add('claude-haiku-4-5', 'big');
  expect(names.resolve('gpt-4o')).toBe('tiny');
  expect(names.resolve('claude-haiku-4-5')).toBe('big');
});

test('aliases are stored; a model of the same name comes first', () => {
  expect(open().list()).toEqual([
    { alias: 'claude-haiku-4-5', model: 'tiny' },
    { alias: 'mine:latest', model: 'big' },
  ]);
  models.add('claude-haiku-4-5');
  expect(names.resolve('claude-haiku-4-5')).toBe('claude-haiku-4-5');
  models.delete('claude-haiku-4-5');
});

describe('refused is', () => {
  test.each([
    ['the name of a model', () => names.add('big', 'tiny'), 'model_exists'],
    ['an alias of itself', () => names.add('loop', 'loop'), 'invalid_input'],
    ['to remove what is none', () => names.remove('tiny'), 'model_not_found'],
  ])('%s', (_what, act, code) => {
    expect(act).toThrow(expect.objectContaining({ code }) as Error);
  });
});
