import { tmpdir } from 'node:os';
import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { ModelStore } from '../models/index.ts';
import type { WorkerPool } from '../workers/index.ts';
import { Presence } from './presence.ts';

/** A machine whose state takes a turn to read, and how many read it at once. */
function machine() {
  const reads = { now: 0, most: 0, all: 0 };
  const workers: Pick<WorkerPool, 'devices' | 'list'> = {
    list: () => [],
    devices: async () => {
      reads.all += 1;
      reads.now += 1;
      reads.most = Math.max(reads.most, reads.now);
      await turn();
      reads.now -= 1;
      return [];
    },
  };
  const models: Pick<ModelStore, 'list'> = { list: async () => [] };
  const parts = { hiveId: 'attic', dataDir: tmpdir(), workers: workers as WorkerPool, models: models as ModelStore };
  return { presence: new Presence(parts), reads };
}

test('changes during a read of the machine share the next read', async () => {
  const { presence, reads } = machine();
  await Promise.all(Array.from({ length: 5 }, () => presence.machineChanged()));
  expect(reads).toEqual({ now: 0, most: 1, all: 2 });
});

test('the machine is read by one at a time, also for a change that arrives as a read ends', async () => {
  const { presence, reads } = machine();
  const first = presence.machineChanged().then(() => presence.machineChanged());
  await Promise.all([first, presence.machineChanged()]);
  expect(reads).toEqual({ now: 0, most: 1, all: 2 });
});
