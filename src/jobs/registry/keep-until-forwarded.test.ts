import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { deferred, JobError, type Handlers } from '../../contract/index.ts';
import { post, token } from '../fixtures/test-jobs.ts';
import { startTestDaemon } from '../fixtures/test-daemon.ts';
import { openMemoryCatalog } from '../catalog/memory-catalog.ts';
import { openMemoryEventLog } from '../log/memory-event-log.ts';
import { openSqliteCatalog } from '../catalog/sqlite-catalog.ts';
import type { WaitingInput, StoredJob } from './stored-job.ts';

const asked = { operation: 'infer', prompt: 'hello' };

test('a request is kept while it waits, not once part of its answer has gone out, and not when it has ended', async () => {
  const catalog = openMemoryCatalog();
  const [waiting, begun, over] = [deferred(), deferred(), deferred()];
  await using daemon = await startTestDaemon({
    catalog,
    handlers: {
      infer: async function* (input, job) {
        expect(job.keepUntilForwarded(input, { model: 'tiny' })).toBe(true);
        await waiting.promise;
        expect(job.keptRequest()).toMatchObject({ prompt: 'hello' });
        job.setDownstream({ role: 'hive', name: 'attic', job_id: 'job-2' });
        expect(job.hasAnswered()).toBe(false);
        yield token('hi');
        expect(job.hasAnswered()).toBe(true);
        expect(job.keepUntilForwarded(input, { model: 'tiny' })).toBe(false);
        begun.resolve();
        await over.promise;
        throw new TypeError('enough');
      },
    },
  });
  const { body } = await post(daemon, asked);
  const recorded = () => catalog.collection<StoredJob>('jobs').get(String(body['job_id']))?.parked;
  const kept = () => catalog.collection<WaitingInput>('parked').get(String(body['job_id']))?.input;
  await expect.poll(kept).toMatchObject({ prompt: 'hello' });
  expect(recorded()).toEqual({ model: 'tiny' });
  waiting.resolve();
  await begun.promise;
  await expect.poll(kept).toBeUndefined();
  over.resolve();
  await expect.poll(() => daemon.registry.get(String(body['job_id'])).state).toBe('failed');
  expect([recorded(), kept()]).toEqual([undefined, undefined]);
});

test('requests that have not ended have so many bytes together; a larger one is refused until some have ended, and a small one never', async () => {
  const gate = deferred();
  const infer: Handlers['infer'] = async function* () {
    await gate.promise;
    throw new JobError('no_room', 'enough');
  };
  await using daemon = await startTestDaemon({ inputsLimitBytes: 100_000, handlers: { infer } });
  const large = { operation: 'infer', prompt: 'x'.repeat(45_000) };
  const first = await post(daemon, large);
  expect([first.status, (await post(daemon, large)).status]).toEqual([200, 200]);
  expect(await post(daemon, large)).toMatchObject({ status: 503, body: { error: { code: 'too_many_jobs', retryable: true } } });
  expect((await post(daemon, asked)).status).toBe(200);
  gate.resolve();
  await expect.poll(() => daemon.registry.running).toBe(0);
  expect((await post(daemon, large)).status).toBe(200);
});

test('listing jobs reads no request that waits', async () => {
  const catalog = openMemoryCatalog();
  const gate = deferred();
  const infer: Handlers['infer'] = async function* (input, job) {
    job.keepUntilForwarded(input, { model: 'tiny' });
    await gate.promise;
    throw new JobError('no_room', 'enough');
  };
  await using daemon = await startTestDaemon({ catalog, handlers: { infer } });
  await post(daemon, { operation: 'infer', prompt: 'x'.repeat(100_000) });
  const jobs = () => JSON.stringify(catalog.collection<StoredJob>('jobs').find());
  await expect.poll(jobs).toContain('"parked"');
  expect(jobs().length).toBeLessThan(1_000);
  gate.resolve();
});

test('of a request that waited once, no file of a catalog that is closed has anything', () => {
  const folder = mkdtempSync(join(tmpdir(), 'rbee-catalog-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const catalog = openSqliteCatalog(join(folder, 'queen.db'));
  const parked = catalog.collection<WaitingInput>('parked');
  for (let id = 0; id < 20; id += 1) parked.put(String(id), { input: { prompt: 'a secret '.repeat(1_000) } });
  for (let id = 0; id < 20; id += 1) parked.delete(String(id));
  catalog.close();
  expect(readdirSync(folder).filter((file) => readFileSync(join(folder, file)).includes('a secret'))).toEqual([]);
});

test('a request whose record is lost does not stay on disk: it ends as interrupted', async () => {
  const [catalog, log] = [openMemoryCatalog(), openMemoryEventLog()];
  const header = { job_id: 'job-1', operation: 'infer', correlation_id: 'c', created_at: new Date().toISOString() };
  log.append(header, [{ seq: 1, kind: 'token', json: '{"text":"x"}' }]);
  const parked = catalog.collection<WaitingInput>('parked');
  parked.put('job-1', { input: { prompt: 'hello' } });
  await using daemon = await startTestDaemon({ catalog, log, handlers: {} });
  await expect.poll(() => daemon.registry.running).toBe(0);
  expect(daemon.registry.get('job-1').error?.code).toBe('interrupted');
  expect(parked.count()).toBe(0);
});
