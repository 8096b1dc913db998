import { describe, expect, test } from 'vitest';
import type { Device } from '../../contract/index.ts';
import { admit } from './admit.ts';
import { extraBytes, roomOn, type Reading } from './ledger.ts';
import { worker } from './testing/worker.ts';
import type { WorkerProcess } from './worker-process.ts';
import type { WorkerSpec } from './worker-spec.ts';

const GB = 1_000_000_000;

function reading(freeGb: number, overrides: Partial<Reading> = {}): Reading {
  const device = (kind: Device['worker']): Device => ({
    worker: kind,
    device: 0,
    name: 'x',
    memory_bytes: 24 * GB,
    memory_free_bytes: freeGb * GB,
  });
  return { devices: [device('cpu'), device('cuda')], loading: new Set(), ownBytes: new Map(), ...overrides };
}

/** A worker, or the spec of one, whose weights are so many of the gigabytes that it needs. */
function of(id: string, [gb, weightsGb]: [number, number], overrides: Parameters<typeof worker>[1] = {}): WorkerProcess {
  return worker(id, {
    model: id,
    modelPath: `/${id}.gguf`,
    need: { bytes: gb * GB, weightsBytes: weightsGb * GB },
    ...overrides,
  });
}
const spec = (...args: Parameters<typeof of>): WorkerSpec => of(...args).spec;
const loading = { kind: 'loading' } as const;
const cuda = { worker: 'cuda' } as const;
const cpu0 = { worker: 'cpu', device: 0 } as const;
const cuda0 = { worker: 'cuda', device: 0 } as const;

describe('free and promised memory of a device, in GB', () => {
  const a = of('a', [10, 8]);
  const onGpu = of('a', [10, 8], cuda);
  test.each<[string, WorkerProcess[], Reading, { free: number; promised: number }]>([
    ['an empty one', [], reading(20), { free: 20, promised: 0 }],
    ['a loading worker is promised all that it needs', [of('a', [10, 8], loading)], reading(20), { free: 20, promised: 10 }],
    [
      'two of one file are promised its weights once',
      [of('a', [10, 8], loading), of('a', [10, 8], loading)],
      reading(20),
      { free: 20, promised: 12 },
    ],
    [
      'weights that are page cache are not free',
      [a],
      reading(20, { ownBytes: new Map([[a, 2 * GB]]) }),
      { free: 12, promised: 0 },
    ],
    [
      'weights that were copied are counted once',
      [a],
      reading(10, { ownBytes: new Map([[a, 10 * GB]]) }),
      { free: 10, promised: 0 },
    ],
    [
      'one more of a mapped file is promised the rest',
      [a, of('a', [10, 8], loading)],
      reading(20, { ownBytes: new Map([[a, 2 * GB]]) }),
      { free: 12, promised: 2 },
    ],
    [
      'a promise holds for a reading from before its end',
      [a],
      reading(20, { loading: new Set([a]) }),
      { free: 20, promised: 10 },
    ],
    ['an exited worker is promised nothing', [of('a', [10, 8], { kind: 'exited' })], reading(20), { free: 20, promised: 0 }],
    ['a worker on another device takes nothing here', [onGpu], reading(20), { free: 20, promised: 0 }],
  ])('%s', (_name, workers, overrides, { free, promised }) => {
    expect(roomOn(cpu0, workers, overrides)).toEqual({ totalBytes: 24 * GB, freeBytes: free * GB, promisedBytes: promised * GB });
  });

  test('on a GPU the driver counts everything of a worker that is ready', () => {
    expect(roomOn(cuda0, [onGpu], reading(14))).toMatchObject({ freeBytes: 14 * GB, promisedBytes: 0 });
    expect(roomOn(cuda0, [of('a', [10, 8], { ...cuda, ...loading })], reading(20))).toMatchObject({ promisedBytes: 10 * GB });
  });

  test('one more worker of a file that is loading shares its weights on a CPU, and not on a GPU', () => {
    expect(extraBytes(spec('a', [10, 8]), [of('a', [10, 8], loading)], reading(20))).toBe(2 * GB);
    expect(extraBytes(spec('a', [10, 8], cuda), [of('a', [10, 8], { ...cuda, ...loading })], reading(20))).toBe(10 * GB);
  });

  test('a GPU without memory of its own and the CPU promise the same bytes once', () => {
    const overrides = reading(20);
    const metal0 = { worker: 'metal', device: 0 } as const;
    const devices = [...overrides.devices, { ...overrides.devices[0]!, ...metal0, unified: true }];
    const unified = { ...overrides, devices };
    const onMetal = of('b', [6, 5], { worker: 'metal', ...loading });
    const onCpu = of('a', [10, 8], loading);
    const onCuda = of('c', [3, 3], { ...cuda, ...loading });
    for (const place of [cpu0, metal0])
      expect(roomOn(place, [onMetal, onCpu, onCuda], unified)).toMatchObject({ promisedBytes: 16 * GB });
    expect(roomOn(cuda0, [onMetal, onCpu, onCuda], unified)).toMatchObject({ promisedBytes: 3 * GB });
  });
});

describe('one more worker', () => {
  const infer = { mayEvict: true };
  const idle = of('idle', [10, 8], cuda);
  const going = of('going', [10, 8], { ...cuda, kind: 'stopping' });
  const fleet = (freeGb: number, ...workers: WorkerProcess[]) => ({ workers, reading: reading(freeGb) });
  const admitted = { evict: [], after: [] };

  test.each<[string, ReturnType<typeof fleet>, { evict: WorkerProcess[]; after: WorkerProcess[] }]>([
    ['fits', fleet(9), admitted],
    ['fits in place of an idle one', fleet(4, idle), { evict: [idle], after: [] }],
    ['fits once a stopping one has exited, and no other is stopped for it', fleet(4, idle, going), { evict: [], after: [going] }],
  ])('one more worker %s', (_name, overrides, admission) => {
    expect(admit(spec('new', [9, 8], cuda), overrides, infer)).toEqual(admission);
  });

  test('a worker of unknown need is admitted', () => {
    expect(admit({ ...spec('new', [9, 8]), need: undefined }, fleet(0), infer)).toEqual(admitted);
  });

  test.each<[string, { gb: number; overrides: ReturnType<typeof fleet>; mayEvict: boolean }, { code: string; says: string }]>([
    [
      'more than the device has',
      { gb: 25, overrides: fleet(20), mayEvict: true },
      {
        code: 'model_too_large',
        says: 'new needs about 25.0 GB (2 slots) and cuda:0 has 24.0 GB in all',
      },
    ],
    [
      'what is promised to another',
      { gb: 12, overrides: fleet(20, of('first', [12, 11], { ...cuda, ...loading })), mayEvict: true },
      {
        code: 'no_room',
        says: 'new needs about 12.0 GB more (2 slots), and 20.0 GB are free on cuda:0, of which 12.0 GB are promised to workers that are loading. Stopping its idle workers would not free enough memory (1 loading).',
      },
    ],
    [
      'the place of an idle worker, for one who may not end it',
      { gb: 9, overrides: fleet(4, idle), mayEvict: false },
      {
        code: 'no_room',
        says: 'new needs about 9.0 GB more (2 slots), and 4.0 GB are free on cuda:0. Stopping idle (idle), which is idle, would free enough memory: rbee worker delete idle',
      },
    ],
    [
      'the place of busy and pinned workers',
      {
        gb: 9,
        overrides: fleet(1, of('a', [9, 8], { ...cuda, inFlight: 1 }), of('b', [9, 8], { ...cuda, pinned: true })),
        mayEvict: true,
      },
      {
        code: 'no_room',
        says: 'new needs about 9.0 GB more (2 slots), and 1.0 GB are free on cuda:0. Stopping its idle workers would not free enough memory (1 busy, 1 pinned).',
      },
    ],
    [
      'what others than workers have',
      { gb: 9, overrides: fleet(1), mayEvict: true },
      {
        code: 'no_room',
        says: 'new needs about 9.0 GB more (2 slots), and 1.0 GB are free on cuda:0. Other programs on the machine use the rest. Choose a smaller model, fewer slots or a smaller context.',
      },
    ],
  ])('one more worker is refused %s', (_name, { gb, overrides, mayEvict }, { code, says }) => {
    expect(() => admit(spec('new', [gb, gb - 1], cuda), overrides, { mayEvict })).toThrowError(
      expect.objectContaining({ code, message: says }) as Error,
    );
  });
});
