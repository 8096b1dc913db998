import { expect, test } from 'vitest';
import { logLineText, logObject } from './log-line.ts';
import { plainLook } from './look.ts';

const now = new Date(2026, 10, 21, 14, 0, 0);
const time = new Date(2026, 10, 21, 9, 5, 7).toISOString();

test('a log line of rbee shows time, level, actor, message and job', () => {
  const line = JSON.stringify({ level: 'info', time, actor: 'queen-rbee', job_id: 'job-1', msg: 'local hive started' });
  expect(logLineText(line, plainLook, now)).toBe('09:05:07 INFO  [queen-rbee] local hive started (job-1)');
});

test('a log line without a job ends with its message, also in colour', () => {
  const look = { ...plainLook, paint: { ...plainLook.paint, dim: (shown: string) => `<${shown}>` } };
  const line = JSON.stringify({ level: 'info', time, actor: 'queen-rbee', msg: 'ready' });
  expect(logLineText(line, look, now)).toBe('<09:05:07> INFO  [queen-rbee] ready');
});

test('a log line with an error shows its stack, indented', () => {
  const line = JSON.stringify({ level: 'error', time, msg: 'it broke', err: { message: 'no', stack: 'Error: no\n  at x' } });
  expect(logLineText(line, plainLook, now)).toBe('09:05:07 ERROR it broke\n    Error: no\n      at x');
});

test.each(['node: out of memory', '{"half": ', '42'])('a log line that rbee did not write is shown as it is: %s', (line) => {
  expect(logLineText(line, plainLook, now)).toBe(line);
  expect(logObject(line)).toEqual({ msg: line });
});
