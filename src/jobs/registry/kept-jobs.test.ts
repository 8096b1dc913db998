import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { JobError } from '../../contract/index.ts';
import { openFileEventLog } from '../log/file-event-log.ts';
import { KeptJobs } from './kept-jobs.ts';
import { openMemoryCatalog } from '../catalog/memory-catalog.ts';
import { openSetAside } from '../log/set-aside.ts';
import type { StoredJob } from './stored-job.ts';

test('a damaged log is set aside once, however many read it while the disk is full', () => {
  const folder = fs.mkdtempSync(join(tmpdir(), 'rbee-kept-'));
  onTestFinished(() => fs.rmSync(folder, { recursive: true }));
  const log = openFileEventLog(folder);
  const header = { job_id: 'job-1', operation: 'worker_list', correlation_id: 'c', created_at: new Date().toISOString() };
  log.append(header, [{ seq: 1, kind: 'token', json: '{"text":"x"}' }]);
  log.seal('job-1');
  const disk = { isFull: true };
  const catalog = openMemoryCatalog();
  const records = catalog.collection<StoredJob>('jobs');
  const put = records.put.bind(records);
  records.put = (key, value) => {
    if (disk.isFull) throw new JobError('disk_full', 'The disk is full');
    put(key, value);
  };
  const damaged = join(folder, 'damaged');
  const aside = openSetAside({ folder: damaged, owner: 'hive', report: () => undefined });
  const logger = { info: () => undefined, error: () => undefined };
  const kept = new KeptJobs({ actor: 'rbee-hive', log, catalog, logger, aside }, records);
  const record: StoredJob = { ...header, state: 'completed', actor: 'rbee-hive', downstream: [] };
  const setAside = () => {
    for (let reader = 0; reader < 3; reader += 1) kept.setAside(records.get('job-1') ?? { ...record });
    return fs.existsSync(damaged) ? fs.readdirSync(damaged) : [];
  };
  expect(setAside()).toEqual([]);
  disk.isFull = false;
  expect(setAside()).toEqual(['hive-events-job-1.ndjson']);
});
