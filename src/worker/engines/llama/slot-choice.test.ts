import fc from 'fast-check';
import { expect, test } from 'vitest';
import { chooseSlot, commonPrefixLength, type SlotView } from './slot-choice.ts';

const tokens = (length: number, first = 0) => Array.from({ length }, (_, at) => first + at);

function slots(...views: Partial<SlotView>[]): SlotView[] {
  return views.map((view, index) => ({ index, busy: false, cached: [], lastUsed: 0, ...view }));
}

test('the slot that holds the longest beginning of the prompt is taken', () => {
  const pool = slots({ cached: tokens(40), lastUsed: 2 }, { cached: tokens(60), lastUsed: 3 }, {});
  expect(chooseSlot(pool, tokens(100))).toBe(1);
});

test('a beginning that all prompts share does not evict a conversation while another slot is unused', () => {
  const pool = slots({ cached: [...tokens(5), 900], lastUsed: 1 }, {});
  expect(chooseSlot(pool, tokens(100))).toBe(1);
});

test('when all slots were used, the one unused for longest is taken', () => {
  const pool = slots({ cached: tokens(50, 500), lastUsed: 3 }, { cached: tokens(50, 600), lastUsed: 1 }, { lastUsed: 2 });
  expect(chooseSlot(pool, tokens(100))).toBe(1);
});

test.each([
  { busy: [1], taken: 0 },
  { busy: [0, 1], taken: 2 },
  { busy: [0, 2], taken: 1 },
  { busy: [3], taken: 2 },
  { busy: [0, 3], taken: 1 },
  { busy: [0, 1, 2, 3], taken: undefined },
])('with slots $busy busy, slot $taken joins them without a gap', ({ busy, taken }) => {
  const pool = slots({}, {}, {}, {}).map((slot) => ({ ...slot, busy: busy.includes(slot.index) }));
  expect(chooseSlot(pool, tokens(10))).toBe(taken);
});

test('a long cached conversation is worth a gap, a short one is not', () => {
  const pool = (cached: number) => slots({ busy: true }, {}, {}, { cached: tokens(cached), lastUsed: 1 });
  expect(chooseSlot(pool(100), tokens(2000))).toBe(1);
  expect(chooseSlot(pool(1000), tokens(2000))).toBe(3);
});

test('a free slot is always found when there is one, and never a busy one', () => {
  const view = fc.record({ busy: fc.boolean(), cached: fc.array(fc.nat(2), { maxLength: 80 }), lastUsed: fc.nat(9) });
  fc.assert(
    fc.property(fc.array(view, { maxLength: 9 }), fc.array(fc.nat(2), { maxLength: 80 }), (views, prompt) => {
      const pool = slots(...views);
      const index = chooseSlot(pool, prompt);
      if (pool.every((slot) => slot.busy)) expect(index).toBeUndefined();
      else expect(pool[index ?? -1]?.busy).toBe(false);
    }),
  );
});

test('a common prefix is as long as both agree', () => {
  expect(commonPrefixLength([1, 2, 3], [1, 2, 4, 5])).toBe(2);
  expect(commonPrefixLength([1, 2], [1, 2, 3])).toBe(2);
  expect(commonPrefixLength([], [1])).toBe(0);
});
