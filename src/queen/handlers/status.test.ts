import { expect, test } from 'vitest';
import type { Hive, JobContext, Worker } from '../../contract/index.ts';
import { openMemoryCatalog, SerializedOutput } from '../../jobs/index.ts';
import { HiveCatalog } from '../hives/hive-catalog.ts';
import { hive as viewOf, worker } from '../placement/fixtures/fleet.ts';
import type { FleetView, HiveWatch } from '../presence/index.ts';
import { createStatus } from './status.ts';

const HIVES = 1_000;
const WORKERS_A_HIVE = 10;

/** A fleet that is up, as the queen sees it. */
function largeFleet() {
  const hives = new HiveCatalog(openMemoryCatalog(), 9000, () => undefined);
  hives.remove('localhost');
  const watches = new Map<string, HiveWatch>();
  for (let at = 0; at < HIVES; at += 1) {
    const hive: Hive = {
      hive_id: `hive-${at}`,
      transport: 'http',
      host: '127.0.0.1',
      port: 9000 + at,
      created_at: '2026-11-21T08:00:00.000Z',
    };
    const { report } = viewOf(hive.hive_id);
    const workers: Worker[] = Array.from({ length: WORKERS_A_HIVE }, (_, n) => worker(`w${n}`, 'bee', { hive_id: hive.hive_id }));
    watches.set(hive.hive_id, { hive, state: { kind: 'up' }, report, workers } as unknown as HiveWatch);
    hives.add(hive);
  }
  const view = { settled: () => Promise.resolve(), watch: (id: string) => watches.get(id) } as unknown as FleetView;
  return { hives, view };
}

test('the status of 1,000 hives is made in pieces, between which other jobs have their turn', async () => {
  const status = createStatus({ ...largeFleet(), port: 8500 });
  let turns = 0;
  let isOver = false;
  const count = () => {
    turns += 1;
    if (!isOver) setImmediate(count);
  };
  const run = status({}, {} as JobContext);
  setImmediate(count);
  const { value } = await run.next();
  isOver = true;
  if (!(value instanceof SerializedOutput)) expect.unreachable();
  // A piece has at most 64 KiB, and another job has a turn after each.
  expect(turns).toBeGreaterThanOrEqual(Math.floor(value.json.length / (64 * 1024)));
  const { queen, hives, workers, models } = JSON.parse(value.json) as Record<string, unknown[]>;
  expect(queen).toMatchObject({ port: 8500, pid: process.pid });
  expect([hives?.length, workers?.length]).toEqual([HIVES, HIVES * WORKERS_A_HIVE]);
  expect(hives?.[7]).toMatchObject({ hive_id: 'hive-7', port: 9007, state: 'running' });
  expect(workers?.[70]).toMatchObject({ hive_id: 'hive-7', worker_id: 'w0', unused_s: expect.any(Number) as number });
  expect(models).toEqual(expect.any(Array));
});
