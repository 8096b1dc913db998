import { describe, test } from 'vitest';
import { bodies } from './bodies.ts';
import { doors } from './doors.ts';
import { http } from './http.ts';
import { daemons, startFleet } from './one-fleet.ts';
import { paths } from './paths.ts';
import { expectNoDefects, expectSameProcess } from './three-daemons.ts';

startFleet();

describe('host names and origins', doors);
describe('HTTP', http);
describe('names and paths of models', paths);
describe('bodies', bodies);

test('no daemon has exited or reported an internal error', async () => {
  for (const role of ['queen', 'hive', 'worker'] as const) await expectSameProcess(daemons[role]);
  expectNoDefects(daemons.swarm.home);
});
