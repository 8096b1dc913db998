import { expect, test } from 'vitest';
import { errorCodes, LOCALHOST, type ErrorCode } from '../contract/index.ts';
import { filledHint } from './hints.ts';
import type { KnownInput } from './shown.ts';

const attic = { hive_id: 'attic' };
const shed = { hive_id: 'shed', ssh_host: '192.0.2.7', ssh_user: 'me', ssh_port: 2222 };

test.each<[ErrorCode, KnownInput, string]>([
  ['hive_not_installed', attic, 'Install it: rbee hive install attic.'],
  ['worker_unreachable', { ...attic, worker_id: 'worker-1' }, 'Restart it: rbee worker restart worker-1.'],
  ['ssh_failed', attic, 'Check the machine: rbee ssh test attic.'],
  ['ssh_failed', shed, 'Check the machine: rbee ssh test --ssh-host 192.0.2.7 --ssh-user me --ssh-port 2222.'],
  ['ssh_host_key', shed, 'rbee ssh test --ssh-host 192.0.2.7 --ssh-user me --ssh-port 2222.'],
  ['ssh_denied', attic, 'rbee ssh test attic.'],
  ['version_mismatch', attic, 'rbee hive update attic.'],
])('the hint of %s is filled with the names of the input: %j', (code, input, words) => {
  expect(filledHint(errorCodes[code].hint, input)).toContain(words);
});

test.each<[ErrorCode, KnownInput]>([
  ['worker_died', {}],
  ['hive_stopped', {}],
  ['ssh_host_key', {}],
  ['version_mismatch', { hive_id: LOCALHOST }],
  ['model_not_found', { ...attic, model: 'qwen3' }],
])('the hint of %s keeps the placeholders that the input has no name for: %j', (code, input) => {
  expect(filledHint(errorCodes[code].hint, input)).toBe(errorCodes[code].hint);
});
