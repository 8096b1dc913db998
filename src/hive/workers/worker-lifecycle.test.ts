import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { homePaths } from '../../daemon/index.ts';
import { worker } from './testing/worker.ts';
import { WorkerLifecycle } from './worker-lifecycle.ts';

test('the requests of an exited worker fail also where its process group cannot be killed', async () => {
  const home = await mkdtemp(join(tmpdir(), 'rbee-lifecycle-'));
  const options = { hiveId: 'localhost', hiveUrl: 'http://127.0.0.1:9', paths: homePaths({ RBEE_HOME: home }) };
  const lifecycle = new WorkerLifecycle({ ...options, onChange: () => undefined, onReadyOrExit: () => undefined });
  const exited = worker('worker-1');
  // No group has the number of the first process: see kill(2).
  exited.identity = { pid: 1, started: 'then' };
  lifecycle.add(exited, Promise.resolve());
  await setImmediate();
  expect(exited.ending).toBeDefined();
  await exited.ending;
  expect(exited.died.signal.reason).toMatchObject({ code: 'worker_died' });
  await lifecycle.shutDown();
  await rm(home, { recursive: true });
});
