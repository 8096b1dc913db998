import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Dispatcher } from './dispatcher.ts';
import { FleetIndex } from './fleet-index.ts';
import { cuda, fleet, GB, hive, model, worker } from './fixtures/fleet.ts';
import type { Reservation } from './reservation.ts';

const NEEDS_GB = { ant: 3, bee: 6, moth: 9, wasp: 10, drone: 10, hornet: 20 };
type Name = keyof typeof NEEDS_GB;
const MODELS = Object.entries(NEEDS_GB).map(([name, gb]) => model(name, gb));
/** As much as every request before it and beside it takes, one after the other. */
const PATIENCE = 400;

async function settle(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

/** A hive that does what the queen has decided, at once, and reports it. */
function attic(gpus: readonly number[]) {
  const workers = new Map<string, ReturnType<typeof worker>>();
  const report = () =>
    hive('attic', {
      devices: gpus.map((gpu) => {
        const taken = [...workers.values()].filter(({ device }) => device === gpu);
        return cuda(gpu, 24 - taken.reduce((sum, { model: held }) => sum + NEEDS_GB[held as Name], 0));
      }),
      models: MODELS,
    });
  const index = FleetIndex.of(fleet(report()));
  const dispatcher = new Dispatcher({ fleet: index, wake: async () => undefined });
  let count = 0;
  const begin = ({ placement }: Reservation, name: Name) => {
    if (placement.kind === 'worker') return;
    for (const { worker_id } of placement.kind === 'evict' ? placement.workers : []) {
      expect(index.worker(`attic/${worker_id}`)?.assigned).toBe(0);
      workers.delete(worker_id);
      index.removeWorker('attic', worker_id);
    }
    count += 1;
    const made = worker(`w${count}`, name, { device: placement.where?.device ?? 0, need_bytes: NEEDS_GB[name] * GB, slots: 2 });
    workers.set(made.worker_id, made);
    for (const { memory_free_bytes } of report().report?.devices ?? []) expect(memory_free_bytes).toBeGreaterThanOrEqual(0);
    index.applyWorker(made);
    index.applyHive(report());
    dispatcher.changed();
  };
  return { dispatcher, begin };
}

const requests = fc.array(
  fc.record({
    name: fc.constantFrom(...(Object.keys(NEEDS_GB) as Name[])),
    at: fc.nat(40),
    steps: fc.integer({ min: 1, max: 6 }),
  }),
  { minLength: 1, maxLength: 40 },
);

test('every waiting request is served, and memory is never promised twice', async () => {
  await fc.assert(
    fc.asyncProperty(requests, async (asked) => {
      const { dispatcher, begin } = attic([0, 1]);
      const running: { reservation: Reservation; left: number }[] = [];
      let served = 0;
      for (let step = 0; served < asked.length; step += 1) {
        expect(step, `${served} of ${asked.length} were served`).toBeLessThan(PATIENCE);
        for (const { name, steps } of asked.filter(({ at }) => at === step)) {
          const reservation = dispatcher.reserve({ model: name, prompt: 'hello' }, { signal: new AbortController().signal });
          void reservation.then((held) => {
            begin(held, name);
            running.push({ reservation: held, left: steps });
          });
        }
        await settle();
        for (const each of running.splice(0)) {
          each.left -= 1;
          if (each.left > 0) running.push(each);
          else {
            served += 1;
            each.reservation.release({});
          }
        }
        await settle();
      }
    }),
    { numRuns: 200 },
  );
});

test('a request that needs the memory of two workers is not kept out by smaller ones that keep coming', async () => {
  const { dispatcher, begin } = attic([0]);
  const running: Reservation[] = [];
  const served: Reservation[] = [];
  const ask = (name: Name, onLease: (reservation: Reservation) => void) => {
    const reservation = dispatcher.reserve({ model: name, prompt: 'hello' }, { signal: new AbortController().signal });
    void reservation.then((held) => {
      begin(held, name);
      onLease(held);
    });
  };
  for (let step = 0; served.length === 0; step += 1) {
    expect(step).toBeLessThan(60);
    for (const name of ['wasp', 'drone', 'moth'] as const) ask(name, (reservation) => running.push(reservation));
    if (step === 5) ask('hornet', (reservation) => served.push(reservation));
    await settle();
    for (const reservation of running.splice(0, 1)) reservation.release({});
    await settle();
  }
});
