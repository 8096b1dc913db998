import { describe, expect, test } from 'vitest';
import { chooseEvictions } from './choose-evictions.ts';
import { worker } from './testing/worker.ts';
import type { WorkerProcess } from './worker-process.ts';

/** A worker that takes so many bytes of a GPU and was last used at that minute. */
function of(id: string, bytes: number, minute: number, told: Parameters<typeof worker>[1] = {}): WorkerProcess {
  const need = { bytes, weightsBytes: bytes - 1 };
  return worker(id, { worker: 'cuda', modelPath: `/${id}.gguf`, need, usedMs: minute, ...told });
}
const onCpu = { worker: 'cpu', modelPath: '/shared.gguf' } as const;

describe('which workers are ended to make room', () => {
  test.each<[string, WorkerProcess[], { need: number; free: number }, string[]]>([
    ['none, when enough memory is free', [of('a', 10, 1)], { need: 5, free: 5 }, []],
    ['the one that is there', [of('a', 10, 1)], { need: 12, free: 2 }, ['a']],
    ['the one unused for longest', [of('a', 10, 2), of('b', 10, 1)], { need: 10, free: 0 }, ['b']],
    ['two, when one is not enough', [of('a', 10, 2), of('b', 10, 1), of('c', 10, 3)], { need: 15, free: 0 }, ['b', 'a']],
    ['none, when all are not enough', [of('a', 10, 1), of('b', 10, 2)], { need: 25, free: 4 }, []],
    ['not a small one in front of the one that is enough', [of('a', 1, 1), of('b', 10, 2)], { need: 10, free: 0 }, ['b']],
    ['never a busy one', [of('a', 10, 1, { inFlight: 1 }), of('b', 10, 2)], { need: 10, free: 0 }, ['b']],
    ['never a pinned one', [of('a', 10, 1, { pinned: true }), of('b', 10, 2)], { need: 10, free: 0 }, ['b']],
    ['never one that a request waits for', [of('a', 10, 1, { awaited: 1 })], { need: 10, free: 0 }, []],
    ['never one that is loading', [of('a', 10, 1, { kind: 'loading' })], { need: 10, free: 0 }, []],
    ['never one that is ending', [of('a', 10, 1, { kind: 'stopping' })], { need: 10, free: 0 }, []],
    ['none of unknown need', [of('a', 10, 1, { need: undefined })], { need: 1, free: 0 }, []],
    [
      'none whose weights another keeps',
      [of('a', 10, 1, onCpu), of('b', 10, 2, { ...onCpu, inFlight: 1 })],
      { need: 9, free: 0 },
      [],
    ],
    ['both that share their weights', [of('a', 10, 1, onCpu), of('b', 10, 2, onCpu)], { need: 11, free: 0 }, ['a', 'b']],
  ])('%s', (_name, workers, { need, free }, ended) => {
    expect(chooseEvictions(workers, need, free).map(({ id }) => id)).toEqual(ended);
  });
});
