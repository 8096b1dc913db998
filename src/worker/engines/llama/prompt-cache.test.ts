import type { Token } from 'node-llama-cpp';
import { expect, test } from 'vitest';
import { Cuts, PromptCache } from './prompt-cache.ts';

const LONGEST_NAME = 8;
const tokens = (count: number) => Array.from({ length: count }, (_, index) => index as Token);
const text = (length: number, end = '') => 'bees and flowers '.repeat(Math.ceil(length / 17)).slice(0, length) + end;

test('a text that begins like a known one has its tokens up to the last cut that both have', () => {
  const cache = new PromptCache(LONGEST_NAME);
  cache.add({
    text: text(1_000),
    tokens: tokens(300),
    cuts: [
      { at: 400, tokens: 120 },
      { at: 900, tokens: 270 },
    ],
  });
  expect(cache.find(text(2_000))).toEqual({ at: 900, tokens: tokens(270) });
  expect(cache.find(text(500, 'otherwise'))).toEqual({ at: 400, tokens: tokens(120) });
  expect(cache.find('otherwise')).toEqual({ at: 0, tokens: [] });
});

test('a cut is not used where a name may reach over the place at which two texts differ', () => {
  const cache = new PromptCache(LONGEST_NAME);
  cache.add({ text: text(1_000), tokens: tokens(300), cuts: [{ at: 500, tokens: 150 }] });
  expect(cache.find(text(507, '!')).at).toBe(0);
  expect(cache.find(text(508, '!')).at).toBe(500);
});

test('old texts are dropped when there are too many, and the latest stays', () => {
  const cache = new PromptCache(LONGEST_NAME);
  const long = (name: string) => name.repeat(3_000_000 / name.length);
  const names = ['aaaaa', 'bbbbb', 'ccccc', 'ddddd', 'eeeee', 'fffff'];
  for (const name of names) cache.add({ text: long(name), tokens: tokens(2), cuts: [{ at: 200, tokens: 1 }] });
  expect(names.map((name) => cache.find(long(name)).at)).toEqual([0, 200, 200, 200, 200, 200]);
});

test('cuts are some way apart', () => {
  const cuts = new Cuts();
  for (let at = 0; at < 1_000; at += 10) cuts.add(at, at);
  expect(cuts.made.length).toBeLessThan(10);
});
