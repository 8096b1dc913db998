import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { HiveView, WorkerView } from './fleet.ts';
import { FleetIndex, type IndexedWorker } from './fleet-index.ts';
import { arbitraryFleet } from './fixtures/arbitrary-fleet.ts';
import { cpu, hive, model, worker } from './fixtures/fleet.ts';

const NAMES = ['bee', 'wasp', 'ant', 'tiny', 'elephant'];

/** All that can be asked of an index, in an order of its own. */
function asked(index: FleetIndex) {
  return {
    hives: index.hives
      .map(({ hive_id, state, why, report, workers }) => ({
        hive_id,
        state,
        why,
        report,
        workers: workers.map(withHiveId).toSorted(byKey),
      }))
      .toSorted((a, b) => (a.hive_id < b.hive_id ? -1 : 1)),
    workers: NAMES.map((name) => [...index.workersOf(name)].map(withHiveId).toSorted(byKey)),
    holders: NAMES.map((name) => [...index.holdersOf(name)].map(([{ hive_id }, held]) => [hive_id, held]).toSorted()),
    unreported: [...index.unreported()].map(({ hive_id }) => hive_id).toSorted(),
    names: index.modelNames().toSorted(),
  };
}

function withHiveId(worker: IndexedWorker) {
  return { ...worker, hive: worker.hive.hive_id };
}

function byKey(a: { key: string }, b: { key: string }): number {
  return a.key < b.key ? -1 : 1;
}

interface HiveStep {
  hive: HiveView;
  how: 'whole' | 'state' | 'gone';
}

interface WorkerStep {
  worker: WorkerView;
  how: 'worker' | 'worker_gone';
}

type Step = HiveStep | WorkerStep;

const aStep: fc.Arbitrary<Step> = arbitraryFleet
  .filter(({ hives }) => hives.length > 0)
  .chain(({ hives }) => fc.tuple(fc.constantFrom(...hives), fc.nat(9), fc.nat(4)))
  .map(([hive, dice, at]): Step => {
    const one = hive.workers[at];
    if (one !== undefined && dice < 4) return { worker: one, how: dice < 3 ? 'worker' : 'worker_gone' };
    return { hive, how: dice === 9 ? 'gone' : dice > 6 ? 'state' : 'whole' };
  });

/** The plain thing that the index stands for. */
function applyPlainly(known: Map<string, HiveView>, step: Step): void {
  if ('worker' in step) {
    const hive = known.get(step.worker.hive_id);
    if (hive === undefined) return;
    const others = hive.workers.filter(({ worker_id }) => worker_id !== step.worker.worker_id);
    known.set(hive.hive_id, { ...hive, workers: step.how === 'worker' ? [...others, { ...step.worker, assigned: 0 }] : others });
  } else if (step.how === 'gone') known.delete(step.hive.hive_id);
  else {
    const workers = step.how === 'whole' ? step.hive.workers : (known.get(step.hive.hive_id)?.workers ?? []);
    known.set(step.hive.hive_id, { ...step.hive, workers: workers.map((each) => ({ ...each, assigned: 0 })) });
  }
}

function apply(index: FleetIndex, step: Step): void {
  if ('worker' in step) {
    if (step.how === 'worker') index.applyWorker(step.worker);
    else index.removeWorker(step.worker.hive_id, step.worker.worker_id);
  } else if (step.how === 'gone') index.removeHive(step.hive.hive_id);
  else index.applyHive(step.hive, step.how === 'whole' ? step.hive.workers : undefined);
}

test('an index that was kept up to date equals one that is built from scratch', () => {
  fc.assert(
    fc.property(fc.array(aStep, { maxLength: 30 }), (steps) => {
      const index = new FleetIndex();
      const known = new Map<string, HiveView>();
      for (const step of steps) {
        apply(index, step);
        applyPlainly(known, step);
      }
      expect(asked(index)).toEqual(asked(FleetIndex.of({ hives: [...known.values()] })));
    }),
    { numRuns: 500 },
  );
});

test('requests sent to a worker still count after it was reported again, or was away', () => {
  const index = new FleetIndex();
  index.applyHive(hive('attic', { devices: [cpu(60)], models: [model('bee', 6)] }), [worker('w1', 'bee')]);
  index.assign('attic/w1', 1);
  index.assign('attic/w1', 1);
  index.applyWorker({ ...worker('w1', 'bee'), slots_used: 1 });
  expect(index.worker('attic/w1')).toMatchObject({ assigned: 2, slots_used: 1 });
  index.removeWorker('attic', 'w1');
  index.assign('attic/w1', -1);
  index.applyWorker(worker('w1', 'bee'));
  expect(index.worker('attic/w1')?.assigned).toBe(1);
  for (let times = 0; times < 3; times += 1) index.assign('attic/w1', -1);
  expect(index.worker('attic/w1')?.assigned).toBe(0);
});
