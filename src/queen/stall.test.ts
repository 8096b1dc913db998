import { expect, test } from 'vitest';
import type { Worker } from '../contract/index.ts';
import { worker } from './placement/fixtures/fleet.ts';
import type { FleetView } from './presence/index.ts';
import { ReportedState } from './presence/reported-state.ts';
import { StallDetector } from './stall.ts';

/** A hive that answers every ping, and reports these workers. */
function hiveWith(...workers: Worker[]) {
  return watching('infer', ...workers);
}

function watching(operation: 'infer' | 'worker_logs', ...workers: Worker[]) {
  const reported = new ReportedState();
  const report = (...lines: Worker[]) => lines.forEach((line) => reported.setWorker(line, 1));
  report(...workers);
  const state = { kind: 'up' };
  const watch = () => ({ state, progress: reported.progress, isBusy: reported.isBusy });
  const detector = new StallDetector({ hiveId: 'attic', operation, view: { watch } as unknown as FleetView });
  detector.progressAt(0);
  /** Checks every 2 s. @returns the second at which the job is failed */
  const failsAfter = (seconds: number, meanwhile: (second: number) => void = () => undefined) => {
    for (let second = 0; second <= seconds; second += 2) {
      meanwhile(second);
      if (detector.failureAt(second * 1_000) !== undefined) return second;
    }
    return undefined;
  };
  return { state, reported, report, detector, failsAfter };
}

const busy = (steps: number) => ({ ...worker('w1', 'bee'), slots_used: 1, steps });

test('a job fails after 30 s on a hive without a busy worker', () => {
  expect(hiveWith().failsAfter(60)).toBe(30);
  expect(hiveWith(worker('w1', 'bee')).failsAfter(60)).toBe(30);
});

test('a job does not fail while a worker makes steps, however slowly', () => {
  const { report, failsAfter } = hiveWith(busy(1));
  expect(failsAfter(3_600, (second) => report(busy(Math.floor(second / 500))))).toBeUndefined();
});

test('a job fails after 10 minutes in which no worker made a step, although they report', () => {
  const { report, failsAfter } = hiveWith(busy(7));
  expect(failsAfter(3_600, () => report(busy(7)))).toBe(600);
});

test('a job fails 30 s after the only busy worker is idle or gone', () => {
  const idle = hiveWith(busy(7));
  expect(idle.failsAfter(3_600, (second) => second === 20 && idle.report(worker('w1', 'bee')))).toBe(48);
  const gone = hiveWith(busy(7));
  expect(gone.failsAfter(3_600, (second) => second === 20 && gone.reported.forgetWorker('w1'))).toBe(48);
});

test('a job that emits events does not fail', () => {
  const { detector, failsAfter } = hiveWith();
  expect(failsAfter(3_600, (second) => detector.progressAt(second * 1_000))).toBeUndefined();
});

test('a followed log without new lines does not fail', () => {
  expect(watching('worker_logs', worker('w1', 'bee')).failsAfter(3_600)).toBeUndefined();
});

test('a job on an unreachable hive is not judged by missing reports', () => {
  const { state, failsAfter } = hiveWith();
  state.kind = 'asleep';
  expect(failsAfter(600)).toBeUndefined();
});
