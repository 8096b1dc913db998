import { expect, test } from 'vitest';
import { hivesCheck } from './fleet.ts';

const hive = (hive_id: string, state: 'running' | 'stopped' | 'unreachable', more = {}) => ({
  hive_id,
  state,
  host: '127.0.0.1',
  port: 9000,
  ...more,
});

test('a hive that was stopped on purpose is no problem while another hive can run requests', () => {
  const attic = hive('attic', 'stopped', { stopped: true });
  expect(hivesCheck([hive('localhost', 'running'), attic])).toEqual({
    name: 'hives',
    state: 'ok',
    says: "'localhost' is running, 'attic' was stopped on purpose",
  });
  expect(hivesCheck([attic])).toMatchObject({ state: 'wrong', fix: 'start it: rbee hive start attic' });
});

test('an unreachable hive is a problem, with its reason and a command that looks at it', () => {
  const attic = hive('attic', 'unreachable', { reason: 'no route to host' });
  expect(hivesCheck([hive('localhost', 'running'), attic])).toEqual({
    name: 'hives',
    state: 'wrong',
    says: "'localhost' is running, 'attic' is unreachable (no route to host)",
    fix: 'check: rbee hive status attic',
  });
});
