import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { JobEvent, OutputOf } from '../contract/index.ts';
import { context } from '../jobs/fixtures/test-jobs.ts';
import { spoken } from '../narration/index.ts';
import { testStore } from './models/testing/test-store.ts';
import { workerHandlers } from './worker-handlers.ts';
import type { WorkerPool } from './workers/index.ts';

/** The part of a pool that a handler reaches before it fails or ends. */
function handlersOf(pool: Partial<WorkerPool>) {
  const models = testStore();
  const handlers = workerHandlers({ hiveId: 'attic', workers: pool as WorkerPool, models: models.store });
  return { ...handlers, ...models };
}

test('a context over the limit of the model is refused before a process is started', async () => {
  using parts = handlersOf({ spawn: () => expect.unreachable('a worker was started') });
  const shape = { hive_id: 'attic', worker: 'cpu', device: 0, slots: 1, pin: false } as const;
  const spawning = parts.worker_spawn({ model: 'tiny', context: 99_999_999, ...shape }, context());
  await expect(spawning.next()).rejects.toMatchObject({
    code: 'invalid_input',
    message: 'The model has a context of 1024 tokens at most, and 99999999 were requested. Choose 1024 or fewer.',
  });
});

test('a followed log that reaches the limit of lines ends with a step that says so', async () => {
  using parts = handlersOf({ logFile: () => file, isRunning: () => false });
  const file = join(parts.modelsDir, '..', 'worker-1.log');
  const limit = 100_000;
  writeFileSync(file, 'x\n'.repeat(limit + 1));
  const said: string[] = [];
  const emit = (event: JobEvent) => void (event.kind === 'narration' && said.push(event.data.human));
  const run = spoken('rbee-hive', parts.worker_logs);
  const following = run({ hive_id: 'attic', worker_id: 'worker-1', lines: limit + 1, follow: true }, context({ emit }));
  let end = await following.next();
  while (end.done !== true) end = await following.next();
  expect(end.value as OutputOf<'worker_logs'>).toMatchObject({ lines: limit });
  expect(said).toEqual([
    `${limit} lines of the log of worker-1 were sent, the limit of one command; to follow it further: rbee worker logs worker-1 --follow`,
  ]);
});
