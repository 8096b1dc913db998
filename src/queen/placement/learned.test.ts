import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FairQueue } from './fair-queue.ts';
import { PrefixMemory } from './prefix-memory.ts';
import { prefixesOf } from './prefixes.ts';
import { RecentTimes } from './recent-times.ts';
import { Speeds } from './speeds.ts';

const said = (role: 'system' | 'user' | 'assistant', content: string) => ({ role, content });
const long = (word: string) => word.repeat(100);
const conversation = [
  said('system', long('be kind ')),
  said('user', long('hello ')),
  said('assistant', long('hi ')),
  said('user', 'and?'),
];
const of = (messages: typeof conversation, model = 'bee') => prefixesOf({ model, messages });

describe('the beginnings of a conversation', () => {
  test('are one for each message, the longest first', () => {
    expect(of(conversation).map(({ chars }) => chars)).toEqual([1704, 1700, 1400, 800]);
  });

  test('of a few words are not remembered', () => {
    expect(of([said('user', 'hello')])).toEqual([]);
  });

  test('are equal for equal text, and differ for another model, role or division', () => {
    expect(of(conversation.slice(0, 2))).toEqual(of(conversation).slice(2));
    const hashes = [
      of(conversation.slice(0, 1)),
      of(conversation.slice(0, 1), 'wasp'),
      of([said('user', long('be kind '))]),
      of([said('system', long('be kind ').slice(0, 400)), said('system', long('be kind ').slice(400))]),
      prefixesOf({ model: 'bee', prompt: long('be kind ') }),
    ].map(([longest]) => longest?.hash);
    expect(new Set(hashes).size).toBe(hashes.length);
  });

  test('of a prompt are its first 256, 1024 and 4096 characters, and all of it', () => {
    const cuts = (chars: number) => prefixesOf({ model: 'bee', prompt: 'x'.repeat(chars) }).map((prefix) => prefix.chars);
    expect(cuts(63)).toEqual([]);
    expect(cuts(100)).toEqual([100]);
    expect(cuts(256)).toEqual([256]);
    expect(cuts(5000)).toEqual([5000, 4096, 1024, 256]);
    const [, shared] = prefixesOf({ model: 'bee', prompt: `${'x'.repeat(256)}a` });
    expect(prefixesOf({ model: 'bee', prompt: `${'x'.repeat(256)}b` })[1]).toEqual(shared);
  });

  test('of a very long conversation are limited in number', () => {
    const many = Array.from({ length: 10_000 }, (_, at) => said('user', `message ${at}`));
    expect(of(many).length).toBeLessThanOrEqual(32);
    expect(of([...many.slice(0, 500), said('user', 'more')]).map(({ hash }) => hash)).toContain(of(many.slice(0, 500))[0]?.hash);
  });
});

describe('a worker that has answered a conversation', () => {
  test('is found by the longest known beginning', () => {
    const memory = new PrefixMemory();
    memory.remember('w1', of(conversation.slice(0, 1)), 4);
    memory.remember('w2', of(conversation.slice(0, 3)), 4);
    expect(Object.fromEntries(memory.match(of(conversation)))).toEqual({ w1: 800, w2: 1700 });
    expect(memory.match(of(conversation, 'wasp')).size).toBe(0);
  });

  test('is forgotten after as many other conversations as it has slots', () => {
    const memory = new PrefixMemory();
    const other = (n: number) => of([said('user', long(`other ${n} `))]);
    memory.remember('w1', of(conversation), 2);
    memory.remember('w1', other(1), 2);
    expect(memory.match(of(conversation)).size).toBe(1);
    memory.remember('w1', other(2), 2);
    expect(memory.match(of(conversation)).size).toBe(0);
    expect(memory.size).toBe(2);
  });

  test('remembers a continued conversation once, not once per turn', () => {
    const memory = new PrefixMemory();
    memory.remember('w1', of([said('user', long('other '))]), 2);
    for (let turns = 1; turns <= conversation.length; turns += 1) memory.remember('w1', of(conversation.slice(0, turns)), 2);
    expect(memory.match(of([said('user', long('other '))])).size).toBe(1);
  });

  test('leaves nothing behind when it is forgotten, and the memory stays within its limits', () => {
    const memory = new PrefixMemory();
    for (let at = 0; at < 21_000; at += 1) memory.remember(`w${at % 6000}`, of([said('user', long(`${at} `))]), 4);
    expect(memory.size).toBeLessThanOrEqual(20_000);
    for (let at = 0; at < 6000; at += 1) memory.forget(`w${at}`);
    expect(memory.size).toBe(0);
  });
});

test('speeds change slowly, and an unknown worker has the median speed', () => {
  const speeds = new Speeds();
  expect(speeds.of('w1')).toBe(1);
  for (const [key, speed] of [
    ['w1', 10],
    ['w2', 20],
    ['w3', 90],
  ] as const)
    speeds.learn(key, speed);
  expect(speeds.of('w9')).toBe(20);
  speeds.learn('w1', 20);
  expect(speeds.of('w1')).toBe(12);
  speeds.learn('w1', Number.NaN);
  speeds.forget('w3');
  expect([speeds.of('w1'), speeds.of('w9')]).toEqual([12, 20]);
});

test('the median counts everything learned and not forgotten', () => {
  const steps = fc.array(fc.tuple(fc.nat(9), fc.option(fc.integer({ min: 1, max: 50 }), { nil: undefined })), { maxLength: 60 });
  fc.assert(
    fc.property(steps, (learned) => {
      const speeds = new Speeds();
      for (const [key, speed] of learned) {
        if (speed === undefined) speeds.forget(`w${key}`);
        else speeds.learn(`w${key}`, speed);
      }
      const all = Array.from({ length: 10 }, (_, key) => speeds.learned(`w${key}`)).filter((speed) => speed !== undefined);
      const sorted = all.toSorted((a, b) => a - b);
      expect(speeds.of('unknown')).toBe(sorted[sorted.length >> 1] ?? 1);
    }),
  );
});

test('recent times are those of the last requests of a model', () => {
  const times = new RecentTimes();
  expect(times.medianMs('bee')).toBeUndefined();
  for (const ms of [...Array<number>(32).fill(1), ...Array<number>(32).fill(500)]) times.note('bee', ms);
  expect(times.medianMs('bee')).toBe(500);
  for (let at = 0; at < 300; at += 1) times.note(`m${at}`, 1);
  expect(times.medianMs('bee')).toBeUndefined();
});

test('clients take turns, and each is served in its own order', () => {
  const queue = new FairQueue<{ id: string }>();
  const of = Object.fromEntries(['a1', 'a2', 'a3', 'b1', 'c1', 'c2'].map((id) => [id, { id }]));
  for (const [id, waiter] of Object.entries(of)) queue.add(id.charAt(0), waiter);
  const order = () =>
    queue
      .inTurn()
      .map(({ id }) => id)
      .join(' ');
  expect(order()).toBe('a1 b1 c1 a2 c2 a3');
  queue.remove('a', of['a1'] ?? ({} as never), true);
  expect(order()).toBe('b1 c1 a2 c2 a3');
  queue.remove('c', of['c1'] ?? ({} as never));
  queue.remove('c', of['c1'] ?? ({} as never));
  expect([order(), queue.size]).toEqual(['b1 c2 a2 a3', 4]);
});
