import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import {
  KEPT_JOBS_AGE_MS,
  KEPT_JOBS_LIMIT,
  openFileEventLog,
  openMemoryCatalog,
  openMemoryEventLog,
  openSqliteCatalog,
} from '../../src/jobs/index.ts';
import { answerQuestions } from '../child.ts';
import { serveJobs } from '../serve-jobs.ts';

/** A hive that knows one operation and has nothing to do for it. Without a folder, its log and its catalog are in memory. */
const [folder] = process.argv.slice(2);

function openStorage() {
  if (folder === undefined) return { log: openMemoryEventLog(), catalog: openMemoryCatalog() };
  mkdirSync(join(folder, 'jobs'));
  return { log: openFileEventLog(join(folder, 'jobs')), catalog: openSqliteCatalog(join(folder, 'hive.db')) };
}

const port = await serveJobs({
  role: 'hive',
  handlers: {
    worker_list: async function* () {
      return { workers: [] };
    },
  },
  ...openStorage(),
  kept: { jobs: KEPT_JOBS_LIMIT, ageMs: KEPT_JOBS_AGE_MS },
});

answerQuestions(() => port);
