import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { PresenceLine } from '../../src/contract/index.ts';
import {
  KEPT_JOBS_AGE_MS,
  KEPT_JOBS_LIMIT,
  openFileEventLog,
  openSqliteCatalog,
  runOn,
  type LineReader,
  type Peer,
} from '../../src/jobs/index.ts';
import { answerQuestions } from '../child.ts';
import { modelName, reportOf, workerOf } from '../placement/fleets.ts';
import { serveJobs } from '../serve-jobs.ts';

/** A hive that forwards to one worker, and reports it as several, which have a free slot for every stream. */
const [workerPort = '', folder = '', version = ''] = process.argv.slice(2);
const worker: Peer = { role: 'worker', name: 'worker', host: '127.0.0.1', port: Number(workerPort) };
const WORKERS = 4;
const SLOTS = 256;

mkdirSync(join(folder, 'jobs'));
const port = await serveJobs({
  role: 'hive',
  handlers: { infer: (input, context) => runOn(worker, 'infer')(input, context) },
  log: openFileEventLog(join(folder, 'jobs')),
  catalog: openSqliteCatalog(join(folder, 'hive.db')),
  kept: { jobs: KEPT_JOBS_LIMIT, ageMs: KEPT_JOBS_AGE_MS },
  below: worker,
  addRoutes: ({ serveLines }) => serveLines('/v1/presence', report),
});

function report(reader: LineReader): void {
  const place = { port: worker.port, pid: process.pid, context: 4_096, memory_bytes: 1e9 };
  const say = (line: PresenceLine) => reader.write(JSON.stringify(line));
  say({ ...reportOf(0, 'free'), version });
  for (let n = 0; n < WORKERS; n += 1) {
    const reported = { ...workerOf(0, n, 'free'), ...place, model: modelName(0), slots: SLOTS, slots_used: 0 };
    say({ kind: 'worker', worker: reported });
  }
  say({ kind: 'complete' });
}

answerQuestions(() => port);
