import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { JobError, type JobEvent } from '../../contract/index.ts';
import { waitingJobsLimit } from '../../jobs/index.ts';
import { context as jobContext } from '../../jobs/fixtures/test-jobs.ts';
import { spoken } from '../../narration/index.ts';
import { createExplain } from './explain.ts';
import { Dispatcher, type DispatcherParts } from './dispatcher.ts';
import type { HiveView } from './fleet.ts';
import { FleetIndex } from './fleet-index.ts';
import { cpu, cuda, fleet, hive, model, worker } from './fixtures/fleet.ts';
import type { Reservation, ReservationInput, ReservationOptions } from './reservation.ts';

const bee = model('bee', 6);
const infer = { prompt: 'hello', temperature: 0, continue_elsewhere: false, stream: true };

/** A queen's dispatcher over a fleet that the test changes by hand. */
function queenOf(...hives: HiveView[]) {
  const index = FleetIndex.of(fleet(...hives));
  const explained = (name: string) => dispatcher.explain({ ...infer, model: name });
  const wake = vi.fn<DispatcherParts['wake']>(async () => undefined);
  const dispatcher = new Dispatcher({ fleet: index, wake });
  const said: string[] = [];
  const reserve = (input: Partial<ReservationInput> = {}, options: Partial<ReservationOptions> = {}) => {
    const run = spoken('queen-rbee', async function* () {
      return dispatcher.reserve(
        { model: 'bee', prompt: 'hello', ...input },
        { signal: new AbortController().signal, ...options },
      );
    });
    const emit = (event: JobEvent) => void (event.kind === 'narration' && said.push(event.data.human));
    return run(undefined, jobContext({ emit }))
      .next()
      .then(({ value }) => value as Reservation);
  };
  return { index, wake, dispatcher, said, reserve, explained };
}

/** Lets everything that can go on go on, without any time passing. */
async function settle(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

const states = (reservations: Promise<unknown>[]) =>
  Promise.all(
    reservations.map((reservation) =>
      Promise.race([
        reservation.then(
          () => 'held',
          (error: JobError) => error.code,
        ),
        settle().then(() => 'waits'),
      ]),
    ),
  );

const loaded = (more = {}, id = 'w1') =>
  hive('attic', { devices: [cuda(0, 2)], models: [bee], workers: [worker(id, 'bee', more)] });
const cold = hive('attic', { devices: [cuda(0, 20)], models: [bee] });

describe('a reservation', () => {
  test('counts for its worker until it is released, once', async () => {
    const { index, reserve } = queenOf(loaded());
    const held = await reserve();
    expect(held).toMatchObject({ hive_id: 'attic', patch: { hive_id: 'attic', worker_id: 'w1' } });
    expect(index.worker('attic/w1')?.assigned).toBe(1);
    held.release();
    held.release();
    expect(index.worker('attic/w1')?.assigned).toBe(0);
  });

  test('fails with the refusal of placement', async () => {
    const { reserve } = queenOf();
    await expect(reserve()).rejects.toMatchObject({ code: 'hive_not_found' });
  });

  test('excludes hives that have failed the request', async () => {
    const { dispatcher, reserve } = queenOf(loaded());
    const failedHives = dispatcher.noFailedHives();
    failedHives.add('attic', 'broke off');
    const error = await reserve({}, { failedHives }).catch((cause: unknown) => cause);
    expect(error).toMatchObject({ code: 'hive_unreachable', message: "Hive 'attic' broke off" });
  });

  test('goes to the worker that has the conversation in its cache', async () => {
    const two = hive('attic', { devices: [], workers: [worker('w1', 'bee'), worker('w2', 'bee')] });
    const { reserve } = queenOf(two);
    const [first, second] = [await reserve({ prompt: 'a'.repeat(300) }), await reserve({ prompt: 'b'.repeat(300) })];
    expect([first.patch.worker_id, second.patch.worker_id]).toEqual(['w1', 'w2']);
    first.release();
    second.release();
    expect((await reserve({ prompt: `${'b'.repeat(300)}, and more` })).patch.worker_id).toBe('w2');
  });

  test('goes to the faster worker, once the speeds are known', async () => {
    const two = hive('attic', { devices: [], workers: [worker('w1', 'bee'), worker('w2', 'bee')] });
    const { reserve } = queenOf(two);
    const [first, second] = [await reserve(), await reserve()];
    first.release({ tokens_per_s: 10 });
    second.release({ tokens_per_s: 40 });
    const next = [await reserve(), await reserve(), await reserve()];
    expect(next.map(({ patch }) => patch.worker_id)).toEqual(['w2', 'w2', 'w2']);
  });

  test('for a request that runs alone counts for all slots of its worker', async () => {
    const { index, reserve } = queenOf(loaded());
    const held = await reserve({}, { isAlone: true });
    expect(index.worker('attic/w1')?.assigned).toBe(4);
    expect(await states([reserve()])).toEqual(['waits']);
    held.release();
    expect(index.worker('attic/w1')?.assigned).toBe(1);
  });

  test('for a request that failed does not change the speed of its worker', async () => {
    const { reserve } = queenOf(hive('attic', { devices: [], workers: [worker('w1', 'bee'), worker('w2', 'bee')] }));
    (await reserve()).release({ tokens_per_s: 1000, error: new JobError('worker_died', 'gone') });
    (await reserve({ worker_id: 'w2' })).release({ tokens_per_s: 10 });
    expect((await reserve()).patch.worker_id).toBe('w1');
  });
});

describe('waiting requests', () => {
  test('are served first come, first served', async () => {
    const { reserve } = queenOf(loaded({ slots: 1 }));
    const held = await reserve();
    const order: number[] = [];
    const waiting = [1, 2, 3].map((n) =>
      reserve().then((each) => {
        order.push(n);
        return each;
      }),
    );
    expect(await states(waiting)).toEqual(['waits', 'waits', 'waits']);
    held.release();
    for (const each of waiting) (await each).release();
    expect(order).toEqual([1, 2, 3]);
  });

  test('are served by turns of their clients, where clients are known', async () => {
    const { reserve } = queenOf(loaded({ slots: 1 }));
    const held = await reserve();
    const order: string[] = [];
    const waiting = ['a1', 'a2', 'a3', 'b1'].map((id) =>
      reserve({}, { caller: id.charAt(0) }).then((each) => {
        order.push(id);
        each.release();
      }),
    );
    await settle();
    held.release();
    await Promise.all(waiting);
    expect(order).toEqual(['a1', 'b1', 'a2', 'a3']);
  });

  test('leave the queue when their signal aborts, and the next one is served', async () => {
    const { index, reserve } = queenOf(loaded({ slots: 1 }));
    const held = await reserve();
    const gone = new AbortController();
    const [first, second] = [reserve({}, { signal: gone.signal }), reserve()];
    await settle();
    gone.abort(new JobError('cancelled', 'enough'));
    await expect(first).rejects.toMatchObject({ code: 'cancelled' });
    held.release();
    (await second).release();
    expect(index.worker('attic/w1')?.assigned).toBe(0);
  });

  test('whose signal is already aborted get no reservation', async () => {
    const { index, reserve } = queenOf(loaded());
    await expect(reserve({}, { signal: AbortSignal.abort(new JobError('cancelled', 'enough')) })).rejects.toMatchObject({
      code: 'cancelled',
    });
    expect(index.worker('attic/w1')?.assigned).toBe(0);
  });

  test('are limited in number', async () => {
    const { reserve } = queenOf(loaded({ slots: 1 }));
    const held = await reserve();
    const waiting = Array.from({ length: waitingJobsLimit() }, () => reserve());
    await settle();
    await expect(reserve()).rejects.toMatchObject({ code: 'worker_busy' });
    held.release();
    (await waiting[0])?.release();
    await waiting[1];
  });

  test('do not delay requests for another model', async () => {
    const two = hive('attic', {
      devices: [],
      models: [bee],
      workers: [worker('w1', 'bee', { slots: 1 }), worker('w2', 'wasp', { slots: 1 })],
    });
    const { reserve } = queenOf(two);
    const [, held] = [await reserve(), await reserve({ model: 'wasp' })];
    const waiting = [reserve(), reserve({ model: 'wasp' })];
    await settle();
    held.release();
    expect(await states(waiting)).toEqual(['waits', 'held']);
  });

  test('report their position and the expected wait, and again when the position has halved', async () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    onTestFinished(() => void vi.useRealTimers());
    const { reserve, said } = queenOf(loaded({ slots: 1 }));
    let held = await reserve();
    vi.advanceTimersByTime(4_000);
    held.release();
    held = await reserve();
    const waiting = [reserve(), reserve(), reserve(), reserve(), reserve()];
    await settle();
    expect(said).toEqual(
      ['', ', 1 ahead', ', 2 ahead', ', 3 ahead', ', 4 ahead'].map(
        (ahead, at) => `the one slot for bee is taken; waiting for one${ahead}, about ${(at + 1) * 4} s`,
      ),
    );
    held.release();
    (await waiting[0])?.release();
    await settle();
    expect(said.slice(5).map((sentence) => /(\d) ahead/.exec(sentence)?.[1] ?? '0')).toEqual(['0', '1', '0', '1', '2']);
    for (const each of waiting) (await each).release();
  });

  test('are refused when the worker that they wait for is gone', async () => {
    const { index, dispatcher, reserve } = queenOf(loaded({ slots: 1, assigned: 1 }));
    const waiting = reserve();
    await settle();
    index.applyHive({ ...loaded(), state: 'out', why: 'cannot be reached' });
    dispatcher.changed();
    await expect(waiting).rejects.toMatchObject({ code: 'hive_unreachable' });
  });

  test('are looked at once for all changes of the fleet in one turn of the event loop', async () => {
    const { index, dispatcher, reserve } = queenOf(loaded({ slots: 1 }));
    const held = await reserve();
    const waiting = [reserve(), reserve()];
    expect(await states(waiting)).toEqual(['waits', 'waits']);
    const look = vi.spyOn(index, 'workersOf');
    const looksAfter = async (changes: number) => {
      look.mockClear();
      for (let change = 0; change < changes; change += 1) dispatcher.changed();
      await settle();
      return look.mock.calls.length;
    };
    const once = await looksAfter(1);
    expect(once).toBeGreaterThan(0);
    expect(await looksAfter(100)).toBe(once);
    held.release();
    for (const each of waiting) (await each).release();
  });

  test('beyond one turn of the slots cause one more worker elsewhere', async () => {
    const shed = hive('shed', { devices: [cuda(0, 20)], models: [bee] });
    const { reserve } = queenOf(loaded({ slots: 2, slots_used: 2 }), shed);
    const asked = Array.from({ length: 5 }, () => reserve());
    expect(await states(asked)).toEqual(['waits', 'waits', 'held', 'waits', 'waits']);
    expect(await asked[2]).toMatchObject({ patch: { hive_id: 'shed', device: 'cuda:0' }, placement: { kind: 'spawn' } });
  });
});

describe('a model without a worker', () => {
  const many = (reserve: ReturnType<typeof queenOf>['reserve']) => Array.from({ length: 20 }, () => reserve());

  test('is loaded once for twenty requests at the same time', async () => {
    const { index, dispatcher, reserve, said } = queenOf(cold);
    const asked = many(reserve);
    expect(await states(asked)).toEqual(['held', ...Array<string>(19).fill('waits')]);
    const first = await asked[0];
    expect(first?.patch).toEqual({ hive_id: 'attic', device: 'cuda:0' });
    expect(said[0]).toBe("hive 'attic' is loading bee; waiting for it");

    index.applyWorker(worker('w1', 'bee', { state: 'loading' }));
    dispatcher.changed();
    expect((await states(asked)).filter((state) => state === 'held')).toHaveLength(1);
    index.applyWorker(worker('w1', 'bee'));
    dispatcher.changed();
    expect((await states(asked)).filter((state) => state === 'held')).toHaveLength(4);
    expect(index.worker('attic/w1')?.assigned).toBe(4);
    for (const each of asked) (await each).release();
    expect(index.worker('attic/w1')?.assigned).toBe(0);
  });

  test('whose load fails fails all requests that wait for it, with the same error', async () => {
    const { reserve } = queenOf(cold);
    const asked = many(reserve);
    await settle();
    (await asked[0])?.release({ error: new JobError('model_corrupt', 'half a file') });
    expect(await states(asked)).toEqual(['held', ...Array<string>(19).fill('model_corrupt')]);
  });

  test('is still waited for after the log of one request for it was damaged', async () => {
    const { reserve } = queenOf(cold);
    const asked = Array.from({ length: 3 }, () => reserve());
    await settle();
    (await asked[0])?.release({ error: new JobError('job_damaged', 'its log is damaged') });
    expect(await states(asked.slice(1))).toEqual(['held', 'waits']);
  });

  test('whose load fails on one hive is loaded on another', async () => {
    const { reserve } = queenOf(cold, hive('shed', { devices: [cpu(60)], models: [bee] }));
    const asked = [reserve(), reserve(), reserve()];
    await settle();
    (await asked[0])?.release({ error: new JobError('worker_start_failed', 'no driver') });
    expect(await states(asked)).toEqual(['held', 'held', 'waits']);
    expect((await asked[1])?.hive_id).toBe('shed');
  });

  test('is loaded for the next request when the first one is cancelled before its worker is reported', async () => {
    const { reserve } = queenOf(cold);
    const asked = [reserve(), reserve()];
    await settle();
    (await asked[0])?.release({ error: new JobError('cancelled', 'enough') });
    expect((await asked[1])?.placement.kind).toBe('spawn');
  });

  test('is loaded again when no worker is reported within a minute', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => void vi.useRealTimers());
    const { reserve } = queenOf(cold);
    const asked = [reserve(), reserve()];
    await settle();
    vi.advanceTimersByTime(60_000);
    expect(await states(asked)).toEqual(['held', 'held']);
  });

  test('has its memory promised until the hive counts it itself', async () => {
    const wasp = model('wasp', 16);
    const attic = (free: number, promised = 0) =>
      hive('attic', { devices: [cuda(0, free, { promised_bytes: promised })], models: [bee, wasp] });
    const { index, dispatcher, reserve, explained } = queenOf(attic(20));
    const held = await reserve();
    const free = () => explained('wasp').candidates.map(({ reason }) => reason.split(';')[0]);
    const wanted = ['16.0 GB needed, 14.0 GB free'];
    expect(free()).toEqual(wanted);
    index.applyWorker(worker('w1', 'bee', { state: 'loading', need_bytes: 6e9 }));
    dispatcher.changed();
    expect(free()).toEqual(wanted);
    index.applyHive(attic(20, 6e9));
    dispatcher.changed();
    expect(free()).toEqual(wanted);
    const waiting = reserve({ model: 'wasp' });
    expect(await states([waiting])).toEqual(['waits']);
    expect(explained('wasp').decision).toBe('wait');
    held.release();
  });

  test('replaces an idle worker, which gets no more requests', async () => {
    const idle = worker('w9', 'wasp', { need_bytes: 20e9 });
    const { reserve } = queenOf(hive('attic', { devices: [cuda(0, 2)], models: [bee], workers: [idle] }));
    const held = await reserve();
    expect(held).toMatchObject({ placement: { kind: 'evict', workers: [{ worker_id: 'w9' }] }, patch: { device: 'cuda:0' } });
    expect(await reserve({ model: 'wasp' }).catch((cause: unknown) => cause)).toMatchObject({ code: 'model_not_found' });
    held.release();
    expect((await reserve({ model: 'wasp' })).patch.worker_id).toBe('w9');
  });

  test('is downloaded once for all requests', async () => {
    const far = hive('attic', { devices: [cuda(0, 2)], models: [{ ...bee, source: 'https://example.org/bee.gguf' }] });
    const { reserve } = queenOf(far, hive('shed', { devices: [cuda(0, 20)] }));
    const asked = [reserve(), reserve(), reserve()];
    expect(await states(asked)).toEqual(['held', 'waits', 'waits']);
    expect((await asked[0])?.placement).toMatchObject({ kind: 'download', origin: { source: 'https://example.org/bee.gguf' } });
  });
});

describe('a model whose memory other workers use', () => {
  const wasp = model('wasp', 6);
  const full = (...workers: ReturnType<typeof worker>[]) =>
    hive('attic', { devices: [cuda(0, 1)], models: [bee, wasp], workers });
  const large = { need_bytes: 20e9, slots: 2 };

  test('is loaded once they are idle, before later requests; those have their turn afterwards', async () => {
    const { index, dispatcher, said, reserve } = queenOf(full(worker('w1', 'bee', large)));
    const first = await reserve();
    const other = reserve({ model: 'wasp' });
    expect(await states([other])).toEqual(['waits']);
    const late = reserve();
    expect(await states([late])).toEqual(['waits']);
    expect(said).toEqual([
      "no memory is free for wasp; waiting until w1 (bee) on hive 'attic' is idle and can be evicted",
      'w1 is evicted for another model first; waiting for a turn of bee',
    ]);
    first.release();
    const second = await other;
    expect(second.placement).toMatchObject({ kind: 'evict', workers: [{ worker_id: 'w1' }] });
    expect(await states([late])).toEqual(['waits']);
    index.removeWorker('attic', 'w1');
    index.applyWorker(worker('w2', 'wasp', large));
    dispatcher.changed();
    expect(await states([late])).toEqual(['waits']);
    second.release();
    expect((await late).placement).toMatchObject({ kind: 'evict', workers: [{ worker_id: 'w2' }] });
  });

  test('no longer blocks slots when no request waits for it', async () => {
    const { reserve } = queenOf(full(worker('w1', 'bee', large)));
    await reserve();
    const gone = new AbortController();
    const other = reserve({ model: 'wasp' }, { signal: gone.signal });
    expect(await states([other])).toEqual(['waits']);
    const late = reserve();
    gone.abort(new JobError('cancelled', 'enough'));
    await expect(other).rejects.toMatchObject({ code: 'cancelled' });
    expect((await late).patch.worker_id).toBe('w1');
  });

  test('does not overtake requests that waited for a slot before', async () => {
    const { reserve } = queenOf(full(worker('w1', 'bee', { ...large, slots: 1 })));
    const first = await reserve();
    const before = reserve();
    const other = reserve({ model: 'wasp' });
    expect(await states([before, other])).toEqual(['waits', 'waits']);
    first.release();
    expect(await states([before, other])).toEqual(['held', 'waits']);
    (await before).release();
    expect((await other).placement.kind).toBe('evict');
  });

  test('waits for workers that are still loading, and replaces them when they are idle', async () => {
    const { index, dispatcher, reserve } = queenOf(hive('attic', { devices: [cuda(0, 7)], models: [bee, wasp] }));
    const first = await reserve();
    const other = reserve({ model: 'wasp' });
    expect(await states([other])).toEqual(['waits']);
    index.applyWorker(worker('w1', 'bee', { need_bytes: 6e9, slots_used: 1 }));
    index.applyHive(hive('attic', { devices: [cuda(0, 1)], models: [bee, wasp] }));
    dispatcher.changed();
    expect(await states([other])).toEqual(['waits']);
    index.applyWorker(worker('w1', 'bee', { need_bytes: 6e9 }));
    first.release({ worker_id: 'w1' });
    expect((await other).placement).toMatchObject({ kind: 'evict', workers: [{ worker_id: 'w1' }] });
  });

  test('blocks only the slots of the workers that it waits for, also when several requests wait for it', async () => {
    const wasps = [worker('w1', 'bee', large), worker('w2', 'bee', { ...large, device: 1 })];
    const two = hive('attic', { devices: [cuda(0, 1), cuda(1, 1)], models: [bee, wasp], workers: wasps });
    const { index, dispatcher, reserve } = queenOf(two);
    const sent = (w1: number, w2: number) => {
      index.applyWorker(worker('w1', 'bee', { ...large, slots_used: w1 }));
      index.applyWorker(worker('w2', 'bee', { ...large, device: 1, slots_used: w2 }));
      dispatcher.changed();
    };
    sent(2, 1);
    const others = [reserve({ model: 'wasp' }), reserve({ model: 'wasp' }), reserve({ model: 'wasp' })];
    expect(await states(others)).toEqual(['waits', 'waits', 'waits']);
    sent(0, 1);
    expect(await states(others)).toEqual(['held', 'waits', 'waits']);
    expect((await others[0])?.placement).toMatchObject({ kind: 'evict', workers: [{ worker_id: 'w1' }] });
    expect((await reserve()).patch.worker_id).toBe('w2');
  });

  test('that is larger than each of them is loaded before later requests for their memory', async () => {
    const hornet = model('hornet', 20);
    const ant = model('ant', 8);
    const eight = { need_bytes: 10e9 };
    const workers = [worker('w1', 'bee', eight), worker('w2', 'wasp', eight)];
    const attic = hive('attic', { devices: [cuda(0, 2)], models: [bee, wasp, hornet, ant], workers });
    const { reserve } = queenOf(attic);
    const [one, two] = [await reserve(), await reserve({ model: 'wasp' })];
    const large = reserve({ model: 'hornet' });
    expect(await states([large])).toEqual(['waits']);
    one.release();
    const late = reserve({ model: 'ant' });
    expect(await states([large, late])).toEqual(['waits', 'waits']);
    two.release();
    expect(await states([large, late])).toEqual(['held', 'waits']);
  });

  test('keeps the free memory beside them from later requests', async () => {
    const hornet = model('hornet', 20);
    const ant = model('ant', 8);
    const workers = [worker('w1', 'bee', { need_bytes: 12e9 })];
    const attic = hive('attic', { devices: [cuda(0, 10)], models: [bee, hornet, ant], workers });
    const { reserve } = queenOf(attic);
    const one = await reserve();
    const large = reserve({ model: 'hornet' });
    const late = reserve({ model: 'ant' });
    expect(await states([large, late])).toEqual(['waits', 'waits']);
    one.release();
    expect(await states([large, late])).toEqual(['held', 'waits']);
  });

  test('does not make a request wait that finds memory elsewhere', async () => {
    const shed = hive('shed', { devices: [cuda(0, 20)], models: [bee] });
    const { reserve } = queenOf(full(worker('w1', 'bee', large)), shed);
    await reserve();
    expect(await states([reserve({ model: 'wasp' })])).toEqual(['waits']);
    expect((await reserve()).placement).toMatchObject({ kind: 'spawn', hive: { hive_id: 'shed' } });
  });
});

describe('a hive that is asleep', () => {
  const asleep = hive('localhost', { state: 'asleep' });
  const awake = hive('localhost', { devices: [cpu(60)], models: [bee] });

  test('is started, and the request is then placed', async () => {
    const { index, wake, reserve } = queenOf(asleep);
    wake.mockImplementation(async () => index.applyHive(awake));
    expect((await reserve()).patch).toEqual({ hive_id: 'localhost', device: 'cpu:0' });
  });

  test('and does not start fails the request with the reason', async () => {
    const { wake, reserve } = queenOf(asleep);
    wake.mockRejectedValue(new JobError('daemon_start_failed', 'no'));
    await expect(reserve()).rejects.toMatchObject({ code: 'daemon_start_failed' });
  });

  test('and does not start is excluded where another hive can serve the request', async () => {
    const { wake, reserve } = queenOf(asleep, cold);
    wake.mockRejectedValue(new JobError('daemon_start_failed', 'no'));
    expect((await reserve()).hive_id).toBe('attic');
  });

  test('and dies each time after it came up is started each time while a request waits', async () => {
    const full = hive('localhost', {
      devices: [cpu(1)],
      models: [bee],
      workers: [worker('w1', 'bee', { slots: 1, slots_used: 1 })],
    });
    const { index, wake, dispatcher, reserve } = queenOf(asleep);
    wake.mockImplementation(async () => index.applyHive(full, full.workers));
    const waiting = reserve();
    for (let death = 1; death <= 5; death += 1) {
      expect(await states([waiting])).toEqual(['waits']);
      expect(wake).toHaveBeenCalledTimes(death);
      index.applyHive(asleep, []);
      dispatcher.changed();
    }
    expect(await states([waiting])).toEqual(['waits']);
    index.applyWorker(worker('w1', 'bee', { hive_id: 'localhost', slots: 1 }));
    dispatcher.changed();
    expect((await waiting).patch.worker_id).toBe('w1');
  });

  test('makes the request wait before it is started, so that the request is kept on disk', async () => {
    const { wake, reserve } = queenOf(asleep);
    const kept: string[] = [];
    wake.mockImplementation(async () => void kept.push('woken'));
    await reserve({}, { onWait: () => kept.push('waits') }).catch(() => undefined);
    expect(kept.slice(0, 2)).toEqual(['waits', 'woken']);
  });

  test('and reports nothing is not started indefinitely', async () => {
    const { wake, reserve } = queenOf(asleep);
    await expect(reserve()).rejects.toMatchObject({ code: 'hive_unreachable' });
    expect(wake).toHaveBeenCalledTimes(1);
  });
});

test('explain reports the decision, and changes nothing', async () => {
  const { index, wake, dispatcher } = queenOf(loaded(), hive('localhost', { state: 'asleep' }));
  const input = { model: 'bee', prompt: 'hello', temperature: 0, stream: true, continue_elsewhere: false };
  const { value } = await createExplain(dispatcher)(input, jobContext()).next();
  expect(value).toEqual({
    model: 'bee',
    decision: 'worker',
    says: "It runs on worker w1 of hive 'attic' (cuda:0, 0 of 4 slots taken).",
    hive_id: 'attic',
    device: 'cuda:0',
    worker_id: 'w1',
    candidates: [
      { hive_id: 'attic', device: 'cuda:0', worker_id: 'w1', verdict: 'chosen', reason: 'loaded, 0 of 4 slots taken' },
      { hive_id: 'localhost', device: '*', verdict: 'possible', reason: 'asleep; it is started when a request needs it' },
    ],
  });
  expect(index.worker('attic/w1')?.assigned).toBe(0);
  expect(wake).not.toHaveBeenCalled();
});
