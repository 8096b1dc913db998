import { expect, test } from 'vitest';
import { worker } from './placement/fixtures/fleet.ts';
import type { FleetView } from './presence/index.ts';
import { Quiet } from './stall.ts';

/** A hive that answers every ping, and reports these workers. */
function hiveWith(...workers: object[]) {
  return watching('infer', ...workers);
}

function watching(operation: 'infer' | 'worker_logs', ...workers: object[]) {
  const hive = { state: { kind: 'up' }, workers };
  const quiet = new Quiet({ hiveId: 'attic', operation, view: { watch: () => hive } as unknown as FleetView });
  quiet.hear(0);
  /** Looks every 2 s. @returns the second at which the job is given up */
  const givenUpAfter = (seconds: number, meanwhile: (second: number) => void = () => undefined) => {
    for (let second = 0; second <= seconds; second += 2) {
      meanwhile(second);
      if (quiet.failureNow(second * 1_000) !== undefined) return second;
    }
    return undefined;
  };
  return { hive, quiet, givenUpAfter };
}

const busy = (steps: number) => ({ ...worker('w1', 'bee'), slots_used: 1, steps });

test('a job is given up after 30 s on a hive that reports no worker with anything to do', () => {
  expect(hiveWith().givenUpAfter(60)).toBe(30);
  expect(hiveWith(worker('w1', 'bee')).givenUpAfter(60)).toBe(30);
});

test('a job whose worker makes steps is awaited, however slowly it makes them', () => {
  const { hive, givenUpAfter } = hiveWith(busy(1));
  expect(givenUpAfter(3_600, (second) => (hive.workers = [busy(Math.floor(second / 500))]))).toBeUndefined();
});

test('a job is given up after 10 minutes in which no worker made a step', () => {
  expect(hiveWith(busy(7)).givenUpAfter(3_600)).toBe(600);
});

test('a job that reports something itself is awaited', () => {
  const { quiet, givenUpAfter } = hiveWith();
  expect(givenUpAfter(3_600, (second) => quiet.hear(second * 1_000))).toBeUndefined();
});

test('a followed log without new lines is not given up', () => {
  expect(watching('worker_logs', worker('w1', 'bee')).givenUpAfter(3_600)).toBeUndefined();
});

test('a hive that is lost is not judged by reports that it could not make', () => {
  const { hive, givenUpAfter } = hiveWith();
  hive.state.kind = 'asleep';
  expect(givenUpAfter(600)).toBeUndefined();
});
