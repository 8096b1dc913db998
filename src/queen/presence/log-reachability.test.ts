import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { log } from '../../narration/index.ts';
import { ReachabilityLog, STABLE_MS } from './log-reachability.ts';

const written: string[] = [];

beforeEach(() => {
  vi.useFakeTimers();
  written.length = 0;
  for (const level of ['info', 'warn'] as const)
    vi.spyOn(log, level).mockImplementation((...args: unknown[]) => void written.push(String(args[1])));
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

test('connections that last are logged each time they begin and end', () => {
  const reachability = new ReachabilityLog('attic');
  for (let times = 0; times < 2; times += 1) {
    reachability.connected();
    vi.advanceTimersByTime(STABLE_MS);
    reachability.ended({ why: 'connection closed', lastedMs: STABLE_MS, isIntended: false });
  }
  expect(written).toEqual([
    "hive 'attic' is connected",
    "the connection to hive 'attic' has ended",
    "hive 'attic' is connected",
    "the connection to hive 'attic' has ended",
  ]);
});

test('a hive whose connections do not last is logged once, and again when one lasts', () => {
  const reachability = new ReachabilityLog('attic');
  for (let times = 0; times < 1_000; times += 1) {
    reachability.connected();
    reachability.ended({ why: 'connection closed', lastedMs: 20, isIntended: false });
  }
  expect(written).toEqual([
    "hive 'attic' is connected",
    "the connection to hive 'attic' keeps breaking; retrying at growing intervals",
  ]);
  reachability.connected();
  vi.advanceTimersByTime(STABLE_MS);
  expect(written.at(-1)).toBe("hive 'attic' is connected again, and the connection is stable");
});

test('a hive that is stopped on purpose soon after its start is not logged as unstable', () => {
  const reachability = new ReachabilityLog('attic');
  for (let times = 0; times < 2; times += 1) {
    reachability.connected();
    reachability.ended({ why: 'connection closed', lastedMs: 20, isIntended: true });
  }
  expect(written).toEqual([
    "hive 'attic' is connected",
    "the connection to hive 'attic' has ended",
    "hive 'attic' is connected",
    "the connection to hive 'attic' has ended",
  ]);
});
