import { expect, test } from 'vitest';
import { workerArguments, type WorkerFlags } from './worker-flags.ts';

const flags: WorkerFlags = {
  id: 'worker-1',
  hiveId: 'attic',
  model: 'tiny',
  modelPath: '/models/tiny model.gguf',
  engine: 'embedded',
  worker: 'cuda',
  device: 1,
  slots: 2,
  pinned: false,
};

test('a command line names every flag that is set, each value one word', () => {
  const expected = ['--id', 'worker-1', '--hive-id', 'attic', '--model', 'tiny', '--model-path', '/models/tiny model.gguf'];
  expect(workerArguments(flags)).toEqual([
    ...expected,
    ...['--engine', 'embedded', '--worker', 'cuda', '--device', '1', '--slots', '2'],
  ]);
});

test('a switch that is on has no value, and what is undefined has no flag', () => {
  const argv = workerArguments({ ...flags, pinned: true, context: undefined, needBytes: 1_000 });
  expect(argv.slice(-3)).toEqual(['--pinned', '--need-bytes', '1000']);
  expect(argv).not.toContain('--context');
});
