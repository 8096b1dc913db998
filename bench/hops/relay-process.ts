import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Role } from '../../src/contract/index.ts';
import {
  KEPT_JOBS_AGE_MS,
  KEPT_JOBS_LIMIT,
  openFileEventLog,
  openMemoryEventLog,
  openSqliteCatalog,
  runOn,
  type Peer,
} from '../../src/jobs/index.ts';
import { answerQuestions } from '../child.ts';
import { serveJobs } from '../serve-jobs.ts';
import type { Logging } from './chains.ts';

/** A hive or a queen that does nothing but forward, with the log and the catalog that it would have. */
const [role = 'hive', belowPort = '', folder = '', log = 'durable'] = process.argv.slice(2) as [Role, string, string, Logging];
const belowRole: Role = role === 'queen' ? 'hive' : 'worker';
const below: Peer = { role: belowRole, name: belowRole, host: '127.0.0.1', port: Number(belowPort) };

mkdirSync(join(folder, 'jobs'));
const port = await serveJobs({
  role,
  handlers: { infer: (input, context) => runOn(below, 'infer')(input, context) },
  log: log === 'durable' ? openFileEventLog(join(folder, 'jobs')) : openMemoryEventLog(),
  catalog: openSqliteCatalog(join(folder, `${role}.db`)),
  kept: { jobs: KEPT_JOBS_LIMIT, ageMs: KEPT_JOBS_AGE_MS },
  below,
});

answerQuestions(() => port);
