import { expect, test } from 'vitest';
import { worker as workerOfContract } from '../../contract/index.ts';
import { describeWorker, newWorker } from './worker-process.ts';

const spec = { model: 'tiny', modelPath: '/tiny.gguf', engine: 'embedded', worker: 'cpu', device: 0, slots: 2 } as const;

test('an exited worker with a long last output is reported within the limits of the contract', () => {
  const worker = newWorker('worker-1', { ...spec, context: undefined, pinned: false, need: undefined });
  worker.state = { kind: 'exited', lastWords: `was killed by SIGSEGV. ${'x'.repeat(32_000)}` };
  const described = describeWorker(worker, 'localhost');
  expect(described.last_words).toMatch(/^was killed by SIGSEGV\. x{7000}/);
  expect(workerOfContract.safeParse(described).success).toBe(true);
});
