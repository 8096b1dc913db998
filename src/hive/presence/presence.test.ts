import { tmpdir } from 'node:os';
import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { ModelStore } from '../models/index.ts';
import type { WorkerPool } from '../workers/index.ts';
import { Presence } from './presence.ts';

/** A machine that is looked at for a turn, and how many look at it at once. */
function machine() {
  const looks = { now: 0, most: 0, all: 0 };
  const workers: Pick<WorkerPool, 'devices' | 'list'> = {
    list: () => [],
    devices: async () => {
      looks.all += 1;
      looks.now += 1;
      looks.most = Math.max(looks.most, looks.now);
      await turn();
      looks.now -= 1;
      return [];
    },
  };
  const models: Pick<ModelStore, 'list'> = { list: async () => [] };
  const parts = { hiveId: 'attic', dataDir: tmpdir(), workers: workers as WorkerPool, models: models as ModelStore };
  return { presence: new Presence(parts), looks };
}

test('who asks for a look during one gets the next, with all others who do', async () => {
  const { presence, looks } = machine();
  await Promise.all(Array.from({ length: 5 }, () => presence.machineChanged()));
  expect(looks).toEqual({ now: 0, most: 1, all: 2 });
});

test('the machine is looked at by one at a time, also when somebody comes just as a look is over', async () => {
  const { presence, looks } = machine();
  const first = presence.machineChanged().then(() => presence.machineChanged());
  await Promise.all([first, presence.machineChanged()]);
  expect(looks).toEqual({ now: 0, most: 1, all: 2 });
});
