import { describe, expect, test } from 'vitest';
import { fits, pickFree, type Need } from './pick.ts';
import { worker } from './testing/worker.ts';
import type { WorkerProcess } from './worker-process.ts';

const need = (overrides: Partial<Need> = {}): Need => ({
  modelPath: '/tiny.gguf',
  workerId: undefined,
  device: undefined,
  ...overrides,
});

describe('which worker takes a request', () => {
  test.each<[string, WorkerProcess[], Need, string | undefined]>([
    ['none there', [], need(), undefined],
    ['the only one', [worker('a')], need(), 'a'],
    ['the one with more free slots', [worker('a', { inFlight: 1 }), worker('b')], need(), 'b'],
    ['none when all slots are taken', [worker('a', { inFlight: 2 })], need(), undefined],
    ['none that is still loading', [worker('a', { kind: 'loading' })], need(), undefined],
    ['none that is stopping or gone', [worker('a', { kind: 'stopping' }), worker('b', { kind: 'exited' })], need(), undefined],
    ['none with another model', [worker('a', { modelPath: '/other.gguf' })], need(), undefined],
    ['the device that was asked for', [worker('a'), worker('b', { worker: 'cuda', device: 1 })], need({ device: 'cuda:1' }), 'b'],
    ['any device of the kind', [worker('a'), worker('b', { worker: 'cuda', device: 1 })], need({ device: 'cuda' }), 'b'],
    ['one that holds the context', [worker('a'), worker('b', { context: 20_000 })], need({ context: 9_000 }), 'b'],
    ['none where none holds the context', [worker('a')], need({ context: 9_000 }), undefined],
    ['one of the default context that is enough', [worker('a')], need({ context: 8_192 }), 'a'],
    [
      'the worker that was named, whatever its model',
      [worker('a'), worker('b', { modelPath: '/other.gguf' })],
      need({ workerId: 'b' }),
      'b',
    ],
  ])('%s', (_name, workers, wanted, chosen) => {
    expect(pickFree(workers, wanted)?.id).toBe(chosen);
  });

  test('a request for cuda:1 does not fit cuda:10', () => {
    expect(fits(worker('a', { worker: 'cuda', device: 10 }), need({ device: 'cuda:1' }))).toBe(false);
  });
});
