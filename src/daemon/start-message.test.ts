import { expect, test } from 'vitest';
import { isStartMessage } from './start-message.ts';

const error = { code: 'port_taken', message: 'm', origin: 'rbee-hive', retryable: false };

test.each([
  { kind: 'narration', data: { action: 'load', human: 'loading', detail: true } },
  { kind: 'progress', data: { action: 'load', done: 1, total: null, unit: 'bytes', rate: null, eta_s: null } },
  { kind: 'ready', port: 9001, extra: { contextSize: 8192 } },
  { kind: 'ready', port: 9001 },
  { kind: 'failed', error },
])('a valid start message is accepted: %j', (message) => {
  expect(isStartMessage(message)).toBe(true);
});

test.each([
  null,
  'ready',
  {},
  { kind: 'surprise' },
  { kind: 'narration' },
  { kind: 'narration', data: { action: 'load', human: 7 } },
  { kind: 'progress', data: { done: '1' } },
  { kind: 'ready' },
  { kind: 'ready', port: 1e308 },
  { kind: 'failed' },
  { kind: 'failed', error: { ...error, code: 'teapot' } },
])('a malformed start message is rejected: %j', (message) => {
  expect(isStartMessage(message)).toBe(false);
});
