import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Calendar, LONGEST_STEP_MS } from './calendar.ts';
import { openMemoryCatalog } from '../catalog/memory-catalog.ts';

const DAY_MS = 24 * 60 * 60 * 1000;

test('the calendar goes with a wall clock that behaves', () => {
  let wall = 1_000 * DAY_MS;
  const calendar = new Calendar(openMemoryCatalog(), () => wall);
  for (let minute = 0; minute < 100; minute += 1) {
    wall += 60_000;
    expect(calendar.now()).toBe(wall);
  }
});

test('a wall clock that jumps 8 days ahead, and back again, ages nothing by more than a day', () => {
  let wall = 1_000 * DAY_MS;
  const calendar = new Calendar(openMemoryCatalog(), () => wall);
  const before = calendar.now();
  wall += 8 * DAY_MS;
  expect(calendar.now() - before).toBe(DAY_MS);
  wall -= 8 * DAY_MS;
  expect(calendar.now() - before).toBe(DAY_MS);
});

test('a jump while the daemon is off counts as one while it runs', () => {
  const catalog = openMemoryCatalog();
  const first = new Calendar(catalog, () => 1_000 * DAY_MS);
  first.store();
  const again = new Calendar(catalog, () => 9_000 * DAY_MS);
  expect(again.now() - first.now()).toBe(DAY_MS);
});

test('whatever the wall clock does, the calendar never goes back, and never further than a day at a look', () => {
  fc.assert(
    fc.property(fc.array(fc.double({ noNaN: true, min: -1e15, max: 1e15 }), { minLength: 2 }), (walls) => {
      let wall = walls[0] ?? 0;
      const calendar = new Calendar(openMemoryCatalog(), () => wall);
      let last = calendar.now();
      for (wall of walls) {
        const now = calendar.now();
        expect(now).toBeGreaterThanOrEqual(last);
        expect(now - last).toBeLessThanOrEqual(LONGEST_STEP_MS + 1);
        last = now;
      }
    }),
  );
});
