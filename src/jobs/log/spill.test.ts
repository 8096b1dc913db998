import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { deferred, JobError, needsNoDisk, type WireError } from '../../contract/index.ts';
import type { Catalog, Collection } from '../catalog/catalog.ts';
import { START, type EventLog, type LoggedEvent } from './event-log.ts';
import { openFileEventLog } from './file-event-log.ts';
import { startTestDaemon } from '../fixtures/test-daemon.ts';
import { counting, post, postList, readAll, readFirst } from '../fixtures/test-jobs.ts';
import { openMemoryCatalog } from '../catalog/memory-catalog.ts';
import { spillingEventLog } from './spill.ts';

const full = () => new JobError('disk_full', 'The disk is full');

/** A log and a catalog on a disk that can be made full. */
function smallDisk() {
  const folder = fs.mkdtempSync(join(tmpdir(), 'rbee-spill-'));
  const disk = { isFull: false, leftBytes: Infinity };
  const file = openFileEventLog(folder);
  const orFull =
    <Args extends unknown[], T>(work: (...args: Args) => T) =>
    (...args: Args): T => {
      if (disk.isFull) throw full();
      return work(...args);
    };
  const log = spillingEventLog(
    { ...file, append: orFull(file.append.bind(file)) },
    {
      take(bytes) {
        if (bytes > disk.leftBytes || disk.leftBytes < 0) throw full();
        disk.leftBytes -= bytes;
      },
    },
  );
  const memory = openMemoryCatalog();
  const collection: Catalog['collection'] = (name, ...rest) => {
    const documents = memory.collection(name, ...rest) as Collection<never>;
    return Object.assign(documents, {
      put: orFull(documents.put.bind(documents)),
      delete: orFull(documents.delete.bind(documents)),
    });
  };
  return {
    disk,
    log,
    onDisk: () => fs.readdirSync(folder).map((name) => name.replace('.ndjson', '')),
    catalog: { ...memory, collection, transaction: orFull(memory.transaction.bind(memory)) },
    [Symbol.dispose]() {
      log.close();
      fs.rmSync(folder, { recursive: true });
    },
  };
}

const kinds = (events: readonly { seq: number; kind: string }[]) => events.map(({ seq, kind }) => [seq, kind]);
const wholeList = [
  [1, 'token'],
  [2, 'token'],
  [3, 'result'],
];

describe('on a full disk', () => {
  test('a job that needs no disk runs, is read from its start, is listed, and is stored when there is space again', async () => {
    using here = smallDisk();
    const { disk, log, catalog } = here;
    await using daemon = await startTestDaemon({ log, catalog, handlers: { worker_list: counting(2) } });
    disk.isFull = true;
    const jobId = await postList(daemon);
    expect(kinds(await readAll(daemon.peer, jobId))).toEqual(wholeList);
    expect(kinds(await readAll(daemon.peer, jobId, 1))).toEqual(wholeList.slice(1));
    expect(daemon.registry.get(jobId).state).toBe('completed');
    const query = { where: { state: 'completed' }, limit: 10 };
    expect(daemon.registry.find(query).map(({ job_id }) => job_id)).toEqual([jobId]);
    expect(daemon.registry.find({ where: { state: 'running' }, limit: 10 })).toEqual([]);
    expect(here.onDisk()).toEqual([]);
    disk.isFull = false;
    await expect.poll(() => [here.onDisk(), daemon.registry.running]).toEqual([[jobId], 0]);
    expect(kinds(await readAll(daemon.peer, jobId))).toEqual(wholeList);
  });

  test('a running job continues in memory when the disk fills up, and its reader gets every event exactly once', async () => {
    using here = smallDisk();
    const { disk, log, catalog } = here;
    const gate = deferred();
    await using daemon = await startTestDaemon({ log, catalog, handlers: { worker_list: counting(2, gate.promise) } });
    const jobId = await postList(daemon);
    await readFirst(daemon.peer, jobId, 2);
    const whole = readAll(daemon.peer, jobId);
    disk.isFull = true;
    gate.resolve();
    const expected = [1, 2, 3, 4, 5].map((seq) => [seq, seq === 5 ? 'result' : 'token']);
    expect(kinds(await whole)).toEqual(expected);
    expect(kinds(await readAll(daemon.peer, jobId))).toEqual(expected);
    disk.isFull = false;
    await expect.poll(() => daemon.registry.running).toBe(0);
    expect(kinds(await readAll(daemon.peer, jobId))).toEqual(expected);
  });

  test('a new job that must be stored is refused; a running one can be cancelled, and ends as cancelled', async () => {
    using here = smallDisk();
    const { disk, log, catalog } = here;
    const handlers = {
      worker_spawn: async function* (_input: unknown, { signal }: { signal: AbortSignal }) {
        yield { kind: 'token' as const, data: { text: 'x' } };
        await new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)));
        throw full();
      },
    };
    await using daemon = await startTestDaemon({ log, catalog, handlers });
    const { body } = await post(daemon, { operation: 'worker_spawn' });
    const jobId = String(body['job_id']);
    await readFirst(daemon.peer, jobId, 1);
    disk.isFull = true;
    expect((await post(daemon, { operation: 'worker_spawn' })).body['error']).toMatchObject({ code: 'disk_full' });
    expect((await daemon.registry.cancel(jobId, 'cancelled by the client')).state).toBe('cancelled');
    expect(kinds(await readAll(daemon.peer, jobId))).toEqual([
      [1, 'token'],
      [2, 'cancelled'],
    ]);
    disk.isFull = false;
    await expect.poll(() => daemon.registry.running).toBe(0);
    expect(kinds(await readAll(daemon.peer, jobId)).at(-1)).toEqual([2, 'cancelled']);
  });

  test('polling for a day does not fill the memory: the oldest jobs are forgotten', async () => {
    using here = smallDisk();
    const { disk, log, catalog } = here;
    await using daemon = await startTestDaemon({ log, catalog, handlers: { worker_list: counting(1) } });
    disk.isFull = true;
    const poll = () =>
      daemon.registry.create(
        { operation: 'worker_list', input: {}, onDisconnect: 'continue' },
        { correlationId: 'c', idempotencyKey: undefined, body: '' },
      );
    const { job_id: first } = await poll();
    for (let round = 0; round < 11; round += 1) await Promise.all(Array.from({ length: 60 }, poll));
    await expect.poll(() => daemon.registry.running).toBeLessThanOrEqual(560);
    expect(() => daemon.registry.get(first)).toThrow('not found');
    disk.isFull = false;
    await expect.poll(() => daemon.registry.running).toBe(0);
    expect(here.onDisk().length).toBeLessThanOrEqual(560);
  });
});

test('old jobs are deleted from a full disk too, which frees space', async () => {
  using here = smallDisk();
  const { disk, log, catalog } = here;
  await using daemon = await startTestDaemon({
    log,
    catalog,
    kept: { jobs: 0, ageMs: 60_000 },
    handlers: { worker_list: counting(1) },
  });
  await readAll(daemon.peer, await postList(daemon));
  await expect.poll(() => daemon.registry.running).toBe(0);
  expect(here.onDisk()).toHaveLength(1);
  disk.isFull = true;
  daemon.registry.expire();
  expect(here.onDisk()).toEqual([]);
});

test('a job whose events need more space than the disk has ends with disk_full, and that event is on disk', async () => {
  using here = smallDisk();
  const { disk, log, catalog } = here;
  disk.leftBytes = 1_000;
  const handlers = {
    worker_spawn: async function* () {
      for (;;) {
        yield { kind: 'token' as const, data: { text: 'x'.repeat(100) } };
        await new Promise((resolve) => setImmediate(resolve));
      }
    },
  };
  await using daemon = await startTestDaemon({ log, catalog, handlers });
  const { body } = await post(daemon, { operation: 'worker_spawn' });
  const events = await readAll(daemon.peer, String(body['job_id']));
  expect(events.length).toBeLessThan(12);
  expect(JSON.parse(events.at(-1)?.json ?? '') as WireError).toMatchObject({ code: 'disk_full' });
});

test('on a full disk, a job whose events are megabytes ends with disk_full', () => {
  using here = smallDisk();
  here.disk.isFull = true;
  const header = { job_id: 'job-a', operation: 'worker_list', correlation_id: 'c', created_at: '' };
  const event = (seq: number): LoggedEvent => ({ seq, kind: 'token', json: JSON.stringify('x'.repeat(300_000)) });
  const appendNine = (log: EventLog) => {
    for (let seq = 1; seq < 10; seq += 1) log.append(header, [event(seq)]);
  };
  expect(() => appendNine(here.log)).toThrow(expect.objectContaining({ code: 'disk_full' }));
  expect(here.log.read('job-a', START).events).toHaveLength(3);
});

test('a reader that stopped among events in memory resumes there after they have been written to the disk', async () => {
  using here = smallDisk();
  const { disk, log } = here;
  const header = { job_id: 'job-a', operation: 'worker_list', correlation_id: 'c', created_at: '' };
  const append = (seq: number, kind: LoggedEvent['kind'] = 'token') => log.append(header, [{ seq, kind, json: '{"text":"x"}' }]);
  append(1);
  disk.isFull = true;
  const places = [append(2), append(3), log.seek('job-a', 2)];
  append(4, 'result');
  log.seal('job-a');
  disk.isFull = false;
  const all = [1, 2, 3, 4];
  await expect.poll(() => log.read('job-a', START).events.map(({ seq }) => seq)).toEqual(all);
  const unread = places.map((place) => log.read('job-a', place).events.map(({ seq }) => seq));
  expect(unread).toEqual([[3, 4], [4], [3, 4]]);
});

test('operations that read or free space need no disk; operations whose answer is kept do', () => {
  expect(['status', 'model_list', 'model_delete', 'worker_delete', 'hive_stop'].every(needsNoDisk)).toBe(true);
  expect(['infer', 'model_download', 'worker_spawn', 'hive_install', 'unknown_operation'].some(needsNoDisk)).toBe(false);
});
