import { expect, test } from 'vitest';
import { progressText } from './progress-line.ts';

test('the progress of a download shows percent, bytes, rate and remaining time', () => {
  const progress = {
    action: 'model_download',
    done: 2_000_000,
    total: 10_000_000,
    unit: 'bytes',
    rate: 1_200_000,
    eta_s: 6.7,
  } as const;
  expect(progressText(progress)).toBe('model download  ████░░░░░░░░░░░░░░░░  20 %  2.0 MB of 10.0 MB  1.2 MB/s  7 s left');
});

test('progress of unknown length has no bar', () => {
  const progress = { action: 'model_download', done: 2_000_000, total: null, unit: 'bytes', rate: null, eta_s: null } as const;
  expect(progressText(progress)).toBe('model download  2.0 MB');
});

test('progress in percent is only a bar, and never longer than full', () => {
  const progress = { action: 'worker_load', done: 120, total: 100, unit: 'percent', rate: null, eta_s: null } as const;
  expect(progressText(progress)).toBe(`worker load  ${'█'.repeat(20)}  100 %`);
});
