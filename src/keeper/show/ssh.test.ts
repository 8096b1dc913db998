import { describe, expect, test } from 'vitest';
import type { OutputOf } from '../../contract/index.ts';
import { plainLook } from './look.ts';
import { resultText } from './result.ts';

describe('the output of ssh test', () => {
  const checks: OutputOf<'ssh_test'>['checks'] = [{ check: 'resolve', ok: true, says: 'attic is me@192.0.2.7:22' }];

  test('ssh test prints a checklist and a verdict', () => {
    const value = { ssh_host: 'attic', reachable: true, checks };
    expect(resultText({ operation: 'ssh_test' }, value, plainLook)).toBe(
      '✓ resolve  attic is me@192.0.2.7:22\n\nA hive can be installed on attic.',
    );
  });

  test.each([
    [{ hive_id: 'attic' }, __RBEE_VERSION__, `rbee ${__RBEE_VERSION__} is installed on attic already: it is hive 'attic'.`],
    [
      { hive_id: 'loft' },
      '0.0.1',
      `rbee 0.0.1 is installed on attic. To bring it to ${__RBEE_VERSION__}: rbee hive install loft`,
    ],
    [{}, '0.0.1', 'is not a hive of this fleet. To add it: rbee hive install attic'],
  ])('ssh test reports the rbee that is already installed there: %j, %s', (known, version, words) => {
    const rbee = { check: 'rbee', ok: true, says: `${version} is installed`, version } as const;
    const value = { ssh_host: 'attic', ...known, reachable: true, checks: [...checks, rbee] };
    expect(resultText({ operation: 'ssh_test' }, value, plainLook)).toContain(words);
  });

  test('ssh test prints what to do below the check that failed', () => {
    const failed = { check: 'host_key', ok: false, says: 'it is\nnot known', next: 'ssh attic' } as const;
    const value = { ssh_host: 'attic', reachable: false, checks: [...checks, failed] };
    expect(resultText({ operation: 'ssh_test' }, value, plainLook).split('\n')).toEqual([
      '✓ resolve   attic is me@192.0.2.7:22',
      '✗ host key  it is',
      '            not known',
      '            ssh attic',
      '',
      'No hive can be installed on attic yet.',
    ]);
  });
});

describe('the output of hive import-ssh', () => {
  const attic = { host: 'attic', hostname: '192.0.2.7', user: 'me', port: 22 };
  const hive = {
    hive_id: 'attic',
    transport: 'ssh',
    host: '127.0.0.1',
    port: 9000,
    ssh: { host: 'attic' },
    created_at: '2026-11-21T08:00:00.000Z',
  };
  const text = (value: unknown) => resultText({ operation: 'hive_import_ssh' }, value, plainLook).split('\n');

  test('hive import-ssh prints a table and the command that adds a host', () => {
    expect(text({ hosts: [attic], hives: [] })).toEqual([
      'HOST   ADDRESS       USER  HIVE',
      'attic  192.0.2.7:22  me',
      '',
      'Add one as a hive: rbee hive import-ssh --hosts attic',
    ]);
  });

  test('hive import-ssh prints the next command for a host that was added', () => {
    const known = { ...attic, hive_id: 'attic' };
    expect(text({ hosts: [known], hives: [hive] }).at(-1)).toBe('Set it up: rbee hive install attic');
    expect(text({ hosts: [known], hives: [] }).at(-1)).toBe('All of them are hives.');
  });

  test('hive import-ssh prints a sentence without hosts', () => {
    expect(text({ hosts: [], hives: [] })[0]).toContain('No hosts in ~/.ssh/config');
  });
});
