import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { slotsUsed } from './choose-worker.ts';
import { isDevice, parseDevice } from './device-name.ts';
import { explain } from './explain.ts';
import { arbitraryFleet, arbitraryRequest, MODELS, scarceFleet } from './fixtures/arbitrary-fleet.ts';
import { defaultNeedBytes } from '../../contract/index.ts';
import { place } from './place.ts';
import type { Placement, PlacementOf } from './placement.ts';

/** The soak has many times more. */
const TIMES = Number(process.env['RBEE_FUZZ_TIMES'] ?? 1);
const RUNS = { numRuns: 500 * TIMES };
/** For a model that the fleet has: only then can its workers be in the way. */
const requestForItsModel = arbitraryRequest.filter(({ model }) => MODELS.includes(model));

/** What a decision says, without what it is made of. */
function plain(placement: Placement): unknown {
  switch (placement.kind) {
    case 'worker':
      return placement.worker.key;
    case 'wait':
      return [placement.hive_id, placement.worker?.key, placement.slots, placement.isLoading, roomOf(placement)];
    case 'refuse':
      return [placement.error.code, placement.error.message];
    case 'wake':
      return ['wake', placement.hive.hive_id];
    case 'evict':
      return [placement.hive.hive_id, placement.where, placement.workers.map(({ key }) => key)];
    case 'spawn':
    case 'download':
      return [placement.kind, placement.hive.hive_id, placement.where, 'origin' in placement && placement.origin.source];
  }
}

function roomOf({ room }: PlacementOf<'wait'>): unknown {
  return room && [room.where.worker, room.where.device, room.workers.map(({ key }) => key)];
}

test('a hive that is out is never chosen, and only a hive that can be started is started', () => {
  fc.assert(
    fc.property(arbitraryRequest, arbitraryFleet, (request, fleet) => {
      const placement = place(request, fleet);
      const id =
        placement.kind === 'worker'
          ? placement.worker.hive_id
          : placement.kind === 'wait'
            ? placement.hive_id
            : placement.kind === 'refuse'
              ? undefined
              : placement.hive.hive_id;
      const chosen = fleet.hives.find(({ hive_id }) => hive_id === id);
      if (id !== undefined) expect(chosen?.state).toBeOneOf(placement.kind === 'wake' ? ['asleep', 'up'] : ['up']);
      if (placement.kind === 'wake') expect(chosen?.report).toBeUndefined();
      if (id !== undefined && request.hive_id !== undefined) expect(id).toBe(request.hive_id);
    }),
    RUNS,
  );
});

test('a chosen worker has the model and a free slot, on the wanted device', () => {
  fc.assert(
    fc.property(arbitraryRequest, arbitraryFleet, (request, fleet) => {
      const placement = place({ ...request, worker_id: undefined }, fleet);
      if (placement.kind !== 'worker') return;
      const { worker } = placement;
      expect(worker.model).toBe(request.model);
      expect(worker.state).toBeOneOf(['ready', 'busy']);
      expect(slotsUsed(worker)).toBeLessThan(worker.slots);
      if (request.device !== undefined) expect(isDevice(parseDevice(request.device), worker)).toBe(true);
    }),
    RUNS,
  );
});

test('an evicted worker is idle and not pinned, and the model then fits', () => {
  let seen = 0;
  fc.assert(
    fc.property(requestForItsModel, scarceFleet, (request, fleet) => {
      const placement = place({ ...request, worker_id: undefined, hive_id: undefined }, fleet);
      if (placement.kind !== 'evict') return;
      seen += 1;
      const { hive, where, workers } = placement;
      expect(workers.length).toBeGreaterThan(0);
      for (const { state, slots_used, assigned, pinned, ...at } of workers) {
        expect({ state, slots_used, assigned, pinned }).toEqual({ state: 'ready', slots_used: 0, assigned: 0, pinned: false });
        expect(isDevice(where, at)).toBe(true);
      }
      const device = hive.report?.devices.find((each) => isDevice(where, each));
      const room = (device?.memory_free_bytes ?? 0) - (device?.promised_bytes ?? 0);
      const gained = workers.map(({ need_bytes = 0 }) => need_bytes);
      const total = room + gained.reduce((sum, bytes) => sum + bytes, 0);
      expect(total).toBeGreaterThanOrEqual(placement.bytes);
      for (const bytes of gained) expect(total - bytes).toBeLessThan(placement.bytes);
    }),
    // One in a hundred and fifty.
    { numRuns: 4_000 * TIMES },
  );
  expect(seen).toBeGreaterThan(0);
});

test('the workers that a request waits for are busy, not pinned, and enough together', () => {
  let seen = 0;
  fc.assert(
    fc.property(requestForItsModel, scarceFleet, (request, fleet) => {
      const placement = place({ ...request, worker_id: undefined, hive_id: undefined }, fleet);
      if (placement.kind !== 'wait' || placement.room === undefined) return;
      seen += 1;
      const { hive_id, room } = placement;
      const hive = fleet.hives.find((each) => each.hive_id === hive_id);
      const device = hive?.report?.devices.find((each) => isDevice(room.where, each));
      const held = hive?.report?.models.find(({ model }) => model === request.model);
      expect(device?.memory_bytes).toBeGreaterThanOrEqual(
        defaultNeedBytes(held ?? { size_bytes: 0, memory: undefined }, placement.room.where.worker),
      );
      expect(room.workers.every(({ pinned, state }) => pinned !== true && state !== 'exited' && state !== 'stopping')).toBe(true);
      // Were they idle, it would take their place.
      const idle = (key: string) => room.workers.some((each) => each.key === key);
      const later = fleet.hives.map((each) => ({
        ...each,
        workers: each.workers.map((worker) =>
          idle(`${worker.hive_id}/${worker.worker_id}`)
            ? { ...worker, state: 'ready' as const, slots_used: 0, assigned: 0 }
            : { ...worker, state: worker.state === 'stopping' ? ('exited' as const) : worker.state },
        ),
      }));
      const isStopping = hive?.workers.some(({ state }) => state === 'stopping');
      if (isStopping !== true)
        expect(place({ ...request, worker_id: undefined, hive_id: undefined }, { hives: later }).kind).toBe('evict');
    }),
    // One in forty.
    { numRuns: 1_000 * TIMES },
  );
  expect(seen).toBeGreaterThan(0);
});

test('a worker is only started where its memory is free and not promised', () => {
  fc.assert(
    fc.property(arbitraryRequest, arbitraryFleet, (request, fleet) => {
      const placement = place(request, fleet);
      if ((placement.kind !== 'spawn' && placement.kind !== 'download') || placement.bytes === 0) return;
      const { hive, where, bytes } = placement;
      const device = hive.report?.devices.find((each) => where !== undefined && isDevice(where, each));
      expect((device?.memory_free_bytes ?? 0) - (device?.promised_bytes ?? 0)).toBeGreaterThanOrEqual(bytes);
      const held = hive.models.find(({ model }) => model === request.model);
      expect(held === undefined).toBe(placement.kind === 'download');
      if (held !== undefined) expect(bytes).toBe(defaultNeedBytes(held, where?.worker ?? 'cpu'));
    }),
    RUNS,
  );
});

test('the decision does not depend on the order of hives and workers', () => {
  fc.assert(
    fc.property(arbitraryRequest, arbitraryFleet, (request, fleet) => {
      const turned = { hives: fleet.hives.toReversed().map((hive) => ({ ...hive, workers: hive.workers.toReversed() })) };
      expect(isDeepStrictEqual(plain(place(request, turned)), plain(place(request, fleet)))).toBe(true);
    }),
    RUNS,
  );
});

test('an explanation names the decision, and lists the chosen place first', () => {
  fc.assert(
    fc.property(arbitraryRequest, arbitraryFleet, (request, fleet) => {
      const placement = place(request, fleet);
      const { decision, candidates, says } = explain(request, fleet);
      expect(decision).toBe(placement.kind === 'wake' ? 'spawn' : placement.kind);
      expect(says).toMatch(placement.kind === 'refuse' ? /./ : /\.$/);
      const chosen = candidates.filter(({ verdict }) => verdict === 'chosen');
      expect(chosen.length).toBeLessThanOrEqual(1);
      const isOneOfThem = request.worker_id === undefined && !request.model.startsWith('/') && placement.kind !== 'refuse';
      if (isOneOfThem && placement.kind !== 'wake') expect(candidates[0]?.verdict).toBe('chosen');
      if (placement.kind === 'refuse' && placement.error.code === 'no_room')
        expect(candidates.every(({ verdict }) => verdict === 'rejected')).toBe(true);
    }),
    RUNS,
  );
});
