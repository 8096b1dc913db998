import { describe, expect, test } from 'vitest';
import type { Fleet } from './fleet.ts';
import { FleetIndex } from './fleet-index.ts';
import { cpu, cuda, fleet, hive, model, worker } from './fixtures/fleet.ts';
import { explain } from './explain.ts';
import { place } from './place.ts';
import type { Placement, PlacementMemory, PlacementRequest } from './placement.ts';
import { MemoryClaims } from './memory-claims.ts';
import { Speeds } from './speeds.ts';
import { PendingSpawns } from './pending-spawns.ts';
import { deviceName } from './device-name.ts';

/** A decision as a person would note it down. */
function noted(placement: Placement): string {
  switch (placement.kind) {
    case 'worker':
      return `worker ${placement.worker.key}`;
    case 'wait':
      if (placement.room !== undefined)
        return `wait ${placement.hive_id} ${deviceName(placement.room.where)} until ${placement.room.workers.map(({ worker_id }) => worker_id).join(',')}`;
      return `wait ${placement.worker?.key ?? placement.hive_id}${placement.isLoading ? ' loading' : ''}`;
    case 'spawn':
      return `spawn ${placement.hive.hive_id} ${placement.where === undefined ? '*' : deviceName(placement.where)}`;
    case 'download':
      return `download ${placement.hive.hive_id} ${deviceName(placement.where)} ${placement.origin.source}`;
    case 'evict':
      return `evict ${placement.hive.hive_id} ${deviceName(placement.where)} ${placement.workers.map(({ worker_id }) => worker_id).join(',')}`;
    case 'wake':
      return `wake ${placement.hive.hive_id}`;
    case 'refuse':
      return `${placement.error.code}: ${placement.error.message}`;
  }
}

type Case = [title: string, given: Fleet, wanted: string, request?: Partial<PlacementRequest>, memory?: Partial<PlacementMemory>];

function check(given: Fleet, request: Partial<PlacementRequest> = {}, memory: Partial<PlacementMemory> = {}): string {
  const known = { speeds: new Speeds(), spawns: new PendingSpawns(), claims: new MemoryClaims(), ...memory };
  return noted(place({ model: 'bee', ...request }, given, known));
}

function speeds(learned: Record<string, number>): Pick<PlacementMemory, 'speeds'> {
  const known = new Speeds();
  for (const [key, speed] of Object.entries(learned)) known.learn(key, speed);
  return { speeds: known };
}

const bee = model('bee', 6);
const { memory: _memory, ...unread } = bee;
const minute = (n: number) => new Date(Date.UTC(2026, 10, 21, 8, n)).toISOString();
const URL = 'https://example.org/bee.gguf';

describe('a worker with a free slot', () => {
  const two = (one: object, other: object) =>
    fleet(hive('attic', { devices: [cuda(0, 2)], workers: [worker('w1', 'bee', one), worker('w2', 'bee', other)] }));
  test.each<Case>([
    ['the one with most of its slots free takes it', two({ slots_used: 2 }, { slots_used: 1 }), 'worker attic/w2'],
    ['among equals the first by its name', two({}, {}), 'worker attic/w1'],
    ['what the queen has sent counts where it is more than reported', two({ assigned: 3 }, { slots_used: 1 }), 'worker attic/w2'],
    [
      'what is reported counts where the queen has sent less',
      two({ slots_used: 4, assigned: 1 }, { assigned: 3 }),
      'worker attic/w2',
    ],
    [
      'twice as fast bears twice the load',
      two({ slots_used: 1 }, { slots_used: 2 }),
      'worker attic/w2',
      {},
      speeds({ 'attic/w1': 10, 'attic/w2': 20 }),
    ],
    [
      'a worker of unknown speed counts as the median',
      two({ slots_used: 1 }, { slots_used: 1 }),
      'worker attic/w2',
      {},
      speeds({ 'attic/w1': 10, 'x/1': 50, 'x/2': 60 }),
    ],
    [
      'the one that knows the conversation takes it, though it has more to do',
      two({ slots_used: 3 }, {}),
      'worker attic/w1',
      { affinity: new Map([['attic/w1', 800]]) },
    ],
    [
      'the one that knows more of it comes first',
      two({}, {}),
      'worker attic/w2',
      {
        affinity: new Map([
          ['attic/w1', 100],
          ['attic/w2', 900],
        ]),
      },
    ],
    [
      'with the conversation in its cache, but full, is not waited for',
      two({ slots_used: 4 }, {}),
      'worker attic/w2',
      { affinity: new Map([['attic/w1', 800]]) },
    ],
    ['with another model is not used', two({ model: 'wasp' }, {}), 'worker attic/w2'],
    ['that is stopping is not used', two({ state: 'stopping' }, { slots_used: 3 }), 'worker attic/w2'],
    ['must be on the requested device', two({}, { device: 1 }), 'worker attic/w2', { device: 'cuda:1' }],
    ['must be on any device of the requested kind', two({ worker: 'cpu' }, { device: 1 }), 'worker attic/w2', { device: 'cuda' }],
    ['must be the requested one', two({}, { slots_used: 2 }), 'worker attic/w2', { worker_id: 'w2' }],
    [
      'that is requested is used with any model name in the request',
      two({}, {}),
      'worker attic/w2',
      { worker_id: 'w2', model: 'nonsense' },
    ],
    [
      'that has exited still gets the requests that name it: its hive reports the exit',
      two({}, { state: 'exited' }),
      'worker attic/w2',
      { worker_id: 'w2' },
    ],
    ['that is requested and full is waited for', two({}, { slots_used: 4 }), 'wait attic/w2', { worker_id: 'w2' }],
    [
      'on an unreachable hive is not used',
      fleet(
        hive('attic', { state: 'out', why: 'is gone', devices: [], workers: [worker('w1', 'bee')] }),
        hive('shed', { devices: [], workers: [worker('w2', 'bee', { slots_used: 3 })] }),
      ),
      'worker shed/w2',
    ],
    [
      'on a hive that has just failed this request is not used',
      fleet(
        hive('attic', { devices: [], workers: [worker('w1', 'bee')] }),
        hive('shed', { devices: [], workers: [worker('w2', 'bee', { slots_used: 3 })] }),
      ),
      'worker shed/w2',
      { failedHives: new Map([['attic', 'broke off']]) },
    ],
    [
      'a hive that is asked for is kept to',
      fleet(
        hive('attic', { workers: [worker('w1', 'bee')] }),
        hive('shed', { workers: [worker('w2', 'bee', { slots_used: 3 })] }),
      ),
      'worker shed/w2',
      { hive_id: 'shed' },
    ],
  ])('%s', (_title, given, wanted, request, memory) => {
    expect(check(given, request, memory)).toBe(wanted);
  });
});

describe('waiting', () => {
  const full = worker('w1', 'bee', { slots_used: 4 });
  const roomElsewhere = hive('shed', { devices: [cuda(0, 20)], models: [bee] });
  const attic = hive('attic', { devices: [cuda(0, 2), cpu(60)], models: [bee], workers: [full] });
  const atticWith = (...devices: ReturnType<typeof cuda>[]) => hive('attic', { devices, models: [bee], workers: [full] });
  test.each<Case>([
    ['a full worker is waited for', fleet(attic, roomElsewhere), 'wait attic/w1'],
    ['as long as its slots are one turn for all waiting requests', fleet(attic, roomElsewhere), 'wait attic/w1', { ahead: 3 }],
    ['beyond that another one is started where there is room', fleet(attic, roomElsewhere), 'spawn shed cuda:0', { ahead: 4 }],
    ['not beside it on the same device, which would be no faster', fleet(atticWith(cuda(0, 18))), 'wait attic/w1', { ahead: 40 }],
    ['nor on a CPU beside a GPU', fleet(attic), 'wait attic/w1', { ahead: 40 }],
    ['but on another device of the same hive', fleet(atticWith(cuda(0, 2), cuda(1, 20))), 'spawn attic cuda:1', { ahead: 4 }],
    [
      'a load is waited for, by however many',
      fleet(hive('attic', { devices: [cuda(0, 2)], workers: [worker('w1', 'bee', { state: 'loading' })] }), roomElsewhere),
      'wait attic/w1 loading',
      { ahead: 100 },
    ],
    [
      'nothing is fetched over the network because there is a queue',
      fleet(
        hive('attic', { devices: [cuda(0, 2)], models: [{ ...bee, source: URL }], workers: [full] }),
        hive('shed', { devices: [cuda(0, 20)] }),
      ),
      'wait attic/w1',
      { ahead: 40 },
    ],
    [
      'another model gives way to a queue when it was long unused',
      fleet(attic, hive('shed', { devices: [cuda(0, 2)], models: [bee], workers: [worker('w2', 'wasp', { need_bytes: 20e9 })] })),
      'evict shed cuda:0 w2',
      { ahead: 4, now: Date.parse(minute(2)) },
    ],
    [
      'and not when it was used a moment ago',
      fleet(attic, hive('shed', { devices: [cuda(0, 2)], models: [bee], workers: [worker('w2', 'wasp', { need_bytes: 20e9 })] })),
      'wait attic/w1',
      { ahead: 4, now: Date.parse(minute(0)) },
    ],
  ])('%s', (_title, given, wanted, request, memory) => {
    expect(check(given, request, memory)).toBe(wanted);
  });
});

describe('a context that the request needs', () => {
  const kb = { kv_bytes_per_token: 100_000, context_length: 100_000 };
  const large = model('bee', 1, { memory: { weights_bytes: 1e9, compute_bytes: 0, gpu_compute_bytes: 0, ...kb } });
  const on = (device: ReturnType<typeof cuda>, ...workers: ReturnType<typeof worker>[]) =>
    fleet(hive('attic', { devices: [device], models: [large], workers }));
  const small = worker('w1', 'bee', { context: 8_192, need_bytes: 5e9, last_used_at: minute(0) });
  const evicting = { context: 20_000, now: Date.parse(minute(30)) };
  test.each<Case>([
    [
      'is met by a worker that has it',
      on(cuda(0, 20), small, worker('w2', 'bee', { context: 20_000 })),
      'worker attic/w2',
      { context: 9_000 },
    ],
    [
      'is met by the default of a worker that reports none',
      on(cuda(0, 20), worker('w1', 'bee')),
      'worker attic/w1',
      { context: 8_192 },
    ],
    ['starts a larger worker beside a smaller one', on(cuda(0, 20), small), 'spawn attic cuda:0', { context: 20_000 }],
    ['evicts the smaller one where both do not fit', on(cuda(0, 4.5), small), 'evict attic cuda:0 w1', evicting],
    [
      'is waited for while it is loaded',
      on(cuda(0, 20), worker('w1', 'bee', { state: 'loading', context: 20_000 })),
      'wait attic/w1 loading',
      { context: 20_000 },
    ],
    [
      'is not waited for in a smaller one',
      on(cuda(0, 20), worker('w1', 'bee', { state: 'loading' })),
      'spawn attic cuda:0',
      { context: 20_000 },
    ],
    [
      'counts in the memory of the new worker',
      on(cuda(0, 20)),
      "model_too_large: Model 'bee' needs about 37.1 GB with a context of 90000 tokens; the largest device that it may use has 24.0 GB",
      { context: 90_000 },
    ],
    ['counts with the slots', on(cuda(0, 20)), 'spawn attic cuda:0', { context: 90_000, slots: 1 }],
    [
      'is refused with both numbers where the model does not have it',
      on(cuda(0, 20), small),
      "invalid_input: context: model 'bee' holds at most 100000 tokens, and the request needs 100001",
      { context: 100_001 },
    ],
    [
      'is refused with both numbers where the requested worker does not have it',
      on(cuda(0, 20), small),
      "invalid_input: context: worker 'w1' holds at most 8192 tokens, and the request needs 9000",
      { context: 9_000, worker_id: 'w1' },
    ],
  ])('%s', (_title, given, wanted, request, memory) => {
    expect(check(given, request, memory)).toBe(wanted);
  });

  test('a new worker is not mistaken for the smaller one beside it', () => {
    const index = FleetIndex.of(on(cuda(0, 20), small));
    const spawns = new PendingSpawns();
    const where = { worker: 'cuda', device: 0 } as const;
    const spawn = {
      model: 'bee',
      hiveId: 'attic',
      where,
      bytes: 1,
      context: 20_000,
      evicted: [],
      report: undefined,
      worker: undefined,
    };
    spawns.begin(spawn);
    expect(spawns.notice(index)).toEqual([]);
    index.applyWorker({ ...worker('w2', 'bee', { state: 'loading', context: 20_000 }), hive_id: 'attic' });
    expect(spawns.notice(index)).toMatchObject([{ worker: 'attic/w2' }]);
  });
});

describe('a new worker', () => {
  const on = (...devices: ReturnType<typeof cuda>[]) => hive('attic', { devices, models: [bee] });
  const spawn = (device: number, bytes: number, modelName = 'wasp') => {
    const spawns = new PendingSpawns();
    const where = { worker: 'cuda', device } as const;
    spawns.begin({
      model: modelName,
      hiveId: 'attic',
      where,
      bytes,
      context: undefined,
      evicted: [],
      report: undefined,
      worker: undefined,
    });
    return { spawns };
  };
  test.each<Case>([
    ['goes to the GPU before the CPU', fleet(on(cpu(60), cuda(0, 20))), 'spawn attic cuda:0'],
    ['goes to the CPU when the GPU has no engine', fleet(on(cpu(60), cuda(0, 20, { usable: false }))), 'spawn attic cpu:0'],
    ['goes to the CPU when the GPU has no room', fleet(on(cpu(60), cuda(0, 5))), 'spawn attic cpu:0'],
    ['goes where the model is', fleet(on(cpu(60)), hive('shed', { devices: [cuda(0, 20)] })), 'spawn attic cpu:0'],
    ['goes where it fits tightest', fleet(on(cuda(0, 80), cuda(1, 20))), 'spawn attic cuda:1'],
    [
      'goes to a device without a worker before a tighter one',
      fleet(
        hive('attic', { devices: [cuda(0, 80), cuda(1, 10)], models: [bee], workers: [worker('w1', 'wasp', { device: 1 })] }),
      ),
      'spawn attic cuda:0',
    ],
    [
      'goes to the CPU with most cores',
      fleet(on(cpu(30, { cores: 4 })), hive('shed', { devices: [cpu(60, { cores: 32 })], models: [bee] })),
      'spawn shed cpu:0',
    ],
    [
      'goes to this machine among equals',
      fleet(on(cuda(0, 20)), hive('localhost', { devices: [cuda(0, 20)], models: [bee] })),
      'spawn localhost cuda:0',
    ],
    ['goes to the device that is asked for', fleet(on(cuda(0, 20), cpu(60))), 'spawn attic cpu:0', { device: 'cpu' }],
    ['what the hive has promised is not free', fleet(on(cuda(0, 20, { promised_bytes: 15e9 }), cpu(60))), 'spawn attic cpu:0'],
    ['what the queen has promised is not free', fleet(on(cuda(0, 20), cpu(60))), 'spawn attic cpu:0', {}, spawn(0, 15e9)],
    ['one that was begun is waited for', fleet(on(cuda(0, 20))), 'wait attic loading', { ahead: 50 }, spawn(0, 6e9, 'bee')],
    [
      'unless it is where the request may not run',
      fleet(on(cuda(0, 5), cpu(60))),
      'spawn attic cpu:0',
      { device: 'cpu' },
      spawn(0, 6e9, 'bee'),
    ],
    [
      'a file of which only the size is known needs a fifth more, and a gigabyte',
      fleet(hive('attic', { devices: [cuda(0, 8.2), cpu(60)], models: [unread] })),
      'spawn attic cpu:0',
    ],
    [
      'the model that ships with rbee is on every hive',
      fleet(hive('attic', { devices: [cpu(1)] })),
      'spawn attic cpu:0',
      { model: 'tiny' },
    ],
    [
      'one that has exited is no worker',
      fleet(hive('attic', { devices: [cuda(0, 20)], models: [bee], workers: [worker('w1', 'bee', { state: 'exited' })] })),
      'spawn attic cuda:0',
    ],
  ])('%s', (_title, given, wanted, request, memory) => {
    expect(check(given, request, memory)).toBe(wanted);
  });
});

describe('a hive that is asleep', () => {
  const asleep = hive('localhost', { state: 'asleep' });
  test.each<Case>([
    ['is started', fleet(asleep), 'wake localhost'],
    [
      'is left asleep when another can serve at once',
      fleet(asleep, hive('attic', { workers: [worker('w1', 'bee')] })),
      'worker attic/w1',
    ],
    [
      'is started before the request waits for anything',
      fleet(asleep, hive('attic', { workers: [worker('w1', 'bee', { slots_used: 4 })] })),
      'wake localhost',
    ],
    [
      'is started before any worker elsewhere',
      fleet(asleep, hive('attic', { devices: [cuda(0, 20)], models: [bee] })),
      'wake localhost',
    ],
    [
      'is left asleep when another is asked for',
      fleet(asleep, hive('attic', { devices: [cuda(0, 20)], models: [bee] })),
      'spawn attic cuda:0',
      { hive_id: 'attic' },
    ],
    ['is started for an unknown worker', fleet(asleep), 'wake localhost', { worker_id: 'w9' }],
    ['is started for a file', fleet(asleep), 'wake localhost', { model: '/x/bee.gguf' }],
    [
      'one that is up and silent so far is asked last',
      fleet(hive('localhost'), hive('attic', { devices: [cuda(0, 20)], models: [bee] })),
      'spawn attic cuda:0',
    ],
    ['and before anything is refused', fleet(hive('localhost'), hive('attic', { devices: [cuda(0, 20)] })), 'wake localhost'],
  ])('%s', (_title, given, wanted, request, memory) => {
    expect(check(given, request, memory)).toBe(wanted);
  });
});

describe('a model that is elsewhere', () => {
  const known = { ...bee, source: URL };
  const holder = (source = URL) => hive('attic', { devices: [cuda(0, 2)], models: [{ ...bee, source }] });
  const shed = hive('shed', { devices: [cuda(0, 20)] });
  test.each<Case>([
    ['is fetched to where there is room', fleet(holder(), shed), `download shed cuda:0 ${URL}`],
    [
      'also when the hive that has it is out',
      fleet({ ...holder(), state: 'out', why: 'is gone' }, shed),
      `download shed cuda:0 ${URL}`,
    ],
    ['not to a full disk', fleet(holder(), hive('shed', { devices: [cuda(0, 20)], diskFreeGb: 6.5 })), 'no_room', {}],
    ['not from a path', fleet(holder('/usb/bee.gguf'), shed), 'no_room'],
    ['not from an address of which the query is not kept', fleet(holder(`${URL}?sha256=${'0'.repeat(32)}`), shed), 'no_room'],
    [
      'to the hive that is asked for',
      fleet(hive('attic', { devices: [cuda(0, 20)], models: [known] }), shed),
      `download shed cuda:0 ${URL}`,
      { hive_id: 'shed' },
    ],
  ])('%s', (_title, given, wanted, request, memory) => {
    expect(check(given, request, memory)).toContain(wanted);
  });
});

describe('making room', () => {
  const attic = (...workers: ReturnType<typeof worker>[]) =>
    fleet(hive('attic', { devices: [cuda(0, 1)], models: [bee], workers }));
  const idle = (id: string, lastUsed: number, gb: number, more = {}) =>
    worker(id, 'wasp', { last_used_at: minute(lastUsed), need_bytes: gb * 1e9, ...more });
  test.each<Case>([
    ['the longest unused is ended first', attic(idle('w1', 5, 8), idle('w2', 1, 8)), 'evict attic cuda:0 w2'],
    [
      'one that was never used counts from its start',
      attic(idle('w1', 5, 8), worker('w2', 'wasp', { need_bytes: 8e9 })),
      'evict attic cuda:0 w2',
    ],
    ['no more than are needed', attic(idle('w1', 1, 1), idle('w2', 2, 8)), 'evict attic cuda:0 w2'],
    ['as many as are needed', attic(idle('w1', 1, 3), idle('w2', 2, 3)), 'evict attic cuda:0 w1,w2'],
    ['one that is pinned stays', attic(idle('w1', 1, 8, { pinned: true }), idle('w2', 5, 8)), 'evict attic cuda:0 w2'],
    ['one that works stays', attic(idle('w1', 1, 8, { slots_used: 1 }), idle('w2', 5, 8)), 'evict attic cuda:0 w2'],
    [
      'one to which something was sent stays',
      attic(idle('w1', 1, 8, { assigned: 1 }), idle('w2', 5, 8)),
      'evict attic cuda:0 w2',
    ],
    ['one that is loading stays', attic(idle('w1', 1, 8, { state: 'loading' })), 'wait attic cuda:0 until w1'],
    ['one on another device is no help', attic(idle('w1', 1, 8, { device: 1 })), 'no_room'],
  ])('%s', (_title, given, wanted, request, memory) => {
    expect(check(given, request, memory)).toContain(wanted);
  });
});

describe('waiting for room', () => {
  const attic = (...workers: ReturnType<typeof worker>[]) =>
    fleet(hive('attic', { devices: [cuda(0, 1)], models: [bee], workers }));
  const busy = (id: string, requests: number, more = {}) =>
    worker(id, 'wasp', { need_bytes: 8e9, slots_used: requests, ...more });
  test.each<Case>([
    ['a request waits for a busy worker', attic(busy('w1', 1)), 'wait attic cuda:0 until w1'],
    ['what the queen has sent makes it busy', attic(busy('w1', 0, { assigned: 1 })), 'wait attic cuda:0 until w1'],
    ['the one with fewest requests', attic(busy('w1', 3), busy('w2', 1)), 'wait attic cuda:0 until w2'],
    [
      'as many as have to go',
      attic(busy('w1', 3, { need_bytes: 3e9 }), busy('w2', 1, { need_bytes: 3e9 })),
      'wait attic cuda:0 until w2,w1',
    ],
    ['one that ends is not counted among them', attic(busy('w1', 1, { state: 'stopping' })), 'wait attic cuda:0 until '],
    ['not for one that is pinned', attic(busy('w1', 1, { pinned: true })), 'no_room'],
    ['not where it would not be enough', attic(busy('w1', 1, { need_bytes: 2e9 })), 'no_room'],
    ['not on a device that is not wanted', attic(busy('w1', 1)), 'device_not_found', { device: 'cpu' }],
    [
      'on the device where fewer requests run',
      fleet(
        hive('attic', { devices: [cuda(0, 1)], models: [bee], workers: [busy('w1', 3)] }),
        hive('shed', { devices: [cuda(0, 1)], models: [bee], workers: [busy('w2', 2)] }),
      ),
      'wait shed cuda:0 until w2',
    ],
    [
      'a GPU before a CPU',
      fleet(
        hive('attic', {
          devices: [cpu(1), cuda(0, 1)],
          models: [bee],
          workers: [busy('w1', 1, { worker: 'cpu' }), busy('w2', 4)],
        }),
      ),
      'wait attic cuda:0 until w2',
    ],
  ])('%s', (_title, given, wanted, request, memory) => {
    expect(check(given, request, memory)).toContain(wanted);
  });

  test('it is explained', () => {
    const { decision, says, candidates } = explain({ model: 'bee' }, attic(busy('w1', 1)));
    expect({ decision, says }).toEqual({
      decision: 'wait',
      says: "It waits until w1 (wasp) on hive 'attic' is idle and can be evicted.",
    });
    expect(candidates).toMatchObject([
      { verdict: 'chosen', device: 'cuda:0', reason: '6.0 GB needed, 1.0 GB free; it would wait until w1 has ended' },
    ]);
  });

  test('a later request gets no slot of a worker that an earlier one waits to evict; an earlier request does', () => {
    const claims = new MemoryClaims();
    claims.set(5, { hiveId: 'attic', where: { worker: 'cuda', device: 0 }, workers: ['attic/w1'], bytes: 0 });
    const given = attic(worker('w1', 'bee', { slots_used: 1 }));
    expect(check(given, { ticket: 4 }, { claims })).toBe('worker attic/w1');
    expect(check(given, { ticket: 6 }, { claims })).toBe('wait attic/w1');
    expect(check(given, { ticket: 6, worker_id: 'w1' }, { claims })).toBe('worker attic/w1');
    claims.drop(5);
    expect(check(given, { ticket: 6 }, { claims })).toBe('worker attic/w1');
  });
});

describe('a request is refused', () => {
  const attic = hive('attic', { devices: [cpu(60), cuda(0, 2)], models: [bee] });
  const out = hive('shed', { state: 'out', why: 'cannot be reached: connection refused' });
  test.each<Case>([
    ['without any hive', fleet(), 'hive_not_found: No hive is registered. To use this machine: rbee hive install'],
    ['for an unknown hive', fleet(attic), "hive_not_found: Hive 'loft' not found in configuration", { hive_id: 'loft' }],
    [
      'for a hive that is out, with the reason',
      fleet(attic, out),
      "hive_unreachable: Hive 'shed' cannot be reached: connection refused",
      { hive_id: 'shed' },
    ],
    ['when all hives are out', fleet(out), "hive_unreachable: Hive 'shed' cannot be reached: connection refused"],
    ['for an unknown worker', fleet(attic), "worker_not_found: Worker 'w9' not found on any hive", { worker_id: 'w9' }],
    [
      'for a worker of another hive',
      fleet(attic, hive('loft')),
      "worker_not_found: Worker 'w9' not found on hive 'attic'",
      { worker_id: 'w9', hive_id: 'attic' },
    ],
    [
      'for a worker of a hive that is out',
      fleet(hive('shed', { ...out, workers: [worker('w1', 'bee')] })),
      "hive_unreachable: Hive 'shed' cannot be reached",
      { worker_id: 'w1' },
    ],
    ['for what is no device', fleet(attic), "invalid_input: 'gpu' is not a device; use for example cpu", { device: 'gpu' }],
    [
      'for a device that no machine has',
      fleet(attic),
      'device_not_found: No device cuda:7 on any hive; there is cpu:0 on attic, cuda:0 on attic',
      { device: 'cuda:7' },
    ],
    [
      'for a model that no hive has, with the nearest name',
      fleet(attic),
      "model_not_found: No hive has a model 'beee'. Did you mean bee?",
      { model: 'beee' },
    ],
    [
      'for a model that no hive has, with the names that exist',
      fleet(attic),
      "model_not_found: No hive has a model 'elephant'. Available: bee, tiny",
      { model: 'elephant' },
    ],
    [
      'for an address, without saying it again',
      fleet(attic),
      'model_not_found: A URL is not a model name',
      { model: 'https://u:p@example.org/bee.gguf' },
    ],
    [
      'for a model of the Hub, with how to download it',
      fleet(attic),
      "model_not_found: No hive has a model 'org/name:Q4_K_M'. Download it: rbee pull org/name:Q4_K_M",
      { model: 'hf.co/org/name:Q4_K_M' },
    ],
    [
      'for a name of neither form',
      fleet(attic),
      "model_not_found: There is no model 'accounts/org/models/bee', and it is no name of the Hub: write org/repo",
      { model: 'accounts/org/models/bee' },
    ],
    ['for a relative path', fleet(attic), "model_not_found: './bee.gguf' is a relative path", { model: './bee.gguf' }],
    [
      'for a model of another hive',
      fleet(attic, hive('loft', { devices: [cpu(60)] })),
      "model_not_found: Hive 'loft' has no model 'bee', but attic has",
      { hive_id: 'loft' },
    ],
    [
      'for a model that is larger than every machine',
      fleet(hive('attic', { devices: [cpu(60), cuda(0, 2)], models: [model('bee', 90)] })),
      "model_too_large: Model 'bee' needs about 90.0 GB; the largest device that it may use has 64.0 GB",
    ],
    [
      'when nothing is free, with the reason for each device',
      fleet(hive('attic', { devices: [cpu(1.5), cuda(0, 2)], models: [bee] }), out),
      "no_room: No free memory for 'bee' now (attic cpu:0: 6.0 GB needed, 1.5 GB free; attic cuda:0: 6.0 GB needed, 2.0 GB free; shed: cannot be reached: connection refused)",
    ],
  ])('%s', (_title, given, wanted, request, memory) => {
    expect(check(given, request, memory)).toContain(wanted);
  });

  test('in a sentence, also in a large fleet', () => {
    const hives = Array.from({ length: 40 }, (_, at) => hive(`h${at}`, { devices: [cuda(0, 2)], models: [bee] }));
    const sentence = check(fleet(...hives));
    expect(sentence.length).toBeLessThan(400);
    expect(sentence).toContain('; and more)');
  });
});

describe('the path of a file', () => {
  const file = { model: '/x/bee.gguf' };
  const attic = hive('attic', { devices: [cpu(60)] });
  const local = hive('localhost', { devices: [cpu(60)] });
  test.each<Case>([
    ['is a file of this machine', fleet(attic, local), 'spawn localhost *', file],
    ['or of the hive that is named', fleet(attic, local), 'spawn attic *', { ...file, hive_id: 'attic' }],
    ['on the device that is named', fleet(local), 'spawn localhost cpu:0', { ...file, device: 'cpu' }],
    ['or, without this machine, of the first', fleet(hive('b', { devices: [] }), hive('a', { devices: [] })), 'spawn a *', file],
    [
      'is refused where its hive is out',
      fleet(attic, { ...local, state: 'out', why: 'is gone' }),
      "hive_unreachable: Hive 'localhost' is gone",
      file,
    ],
    [
      'is not the file of the same path that another machine has loaded',
      fleet(hive('attic', { workers: [worker('w1', '/x/bee.gguf')] }), local),
      'spawn localhost *',
      file,
    ],
  ])('%s', (_title, given, wanted, request, memory) => {
    expect(check(given, request, memory)).toBe(wanted);
  });
});

test('a device whose worker is about to go is explained too', () => {
  const going = worker('w1', 'bee', { worker: 'cpu', state: 'stopping' });
  const { candidates } = explain({ model: 'bee' }, fleet(hive('attic', { devices: [cpu(60)], models: [bee], workers: [going] })));
  expect(candidates).toMatchObject([
    { device: 'cpu:0', verdict: 'chosen' },
    { worker_id: 'w1', verdict: 'rejected' },
  ]);
});

test('an index gives the same decision as the fleet that it was made of', () => {
  const given = fleet(hive('attic', { devices: [cuda(0, 20)], models: [bee], workers: [worker('w1', 'bee', { assigned: 4 })] }));
  expect(check(FleetIndex.of(given))).toBe(check(given));
});
