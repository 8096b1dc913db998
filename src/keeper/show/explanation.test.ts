import { expect, test } from 'vitest';
import type { Explanation } from '../../contract/index.ts';
import { plainLook } from './look.ts';
import { resultText } from './result.ts';

const explanation: Explanation = {
  model: 'qwen3-8b',
  decision: 'spawn',
  says: "Hive 'attic' starts a worker for qwen3-8b on cuda:0.",
  hive_id: 'attic',
  device: 'cuda:0',
  candidates: [
    { hive_id: 'shed', device: '*', verdict: 'rejected', reason: 'cannot be reached: connection refused' },
    { hive_id: 'attic', device: 'cuda:0', verdict: 'chosen', reason: '6.1 GB needed, 20.0 GB free' },
  ],
};

test('an explanation is a sentence and a table with the chosen place first', () => {
  expect(resultText({ operation: 'explain' }, explanation, plainLook).split('\n')).toEqual([
    "Hive 'attic' starts a worker for qwen3-8b on cuda:0.",
    '',
    'HIVE   DEVICE  VERDICT   WHY',
    'attic  cuda:0  chosen    6.1 GB needed, 20.0 GB free',
    'shed   *       rejected  cannot be reached: connection refused',
  ]);
});

test('an explanation has a column for workers where there is one', () => {
  const [first] = explanation.candidates;
  const candidates = first === undefined ? [] : [{ ...first, worker_id: 'worker-1a2b' }];
  expect(resultText({ operation: 'explain' }, { ...explanation, candidates }, plainLook)).toContain(
    'HIVE  DEVICE  WORKER       VERDICT',
  );
});

test('on a narrow screen, the reasons of an explanation are below the rows, in full', () => {
  const lines = resultText({ operation: 'explain' }, explanation, { ...plainLook, columns: 50 }).split('\n');
  expect(lines.slice(2).every((line) => line.length <= 50)).toBe(true);
  expect(lines.at(-1)).toBe('  cannot be reached: connection refused');
});

test('an explanation that refuses has the hint, filled with the names of the input', () => {
  const refused = { model: 'bee', decision: 'refuse', says: "Hive 'nope' not found", code: 'hive_not_found', candidates: [] };
  expect(resultText({ operation: 'explain', input: { hive_id: 'nope' } }, refused, plainLook)).toBe(
    "Hive 'nope' not found\nList the hives: rbee hive list. Add one: rbee hive install nope.",
  );
});

test('an explanation that refuses without a candidate is only its sentence', () => {
  const refused = { model: 'bee', decision: 'refuse' as const, says: 'No hive is registered.', candidates: [] };
  expect(resultText({ operation: 'explain' }, refused, plainLook)).toBe('No hive is registered.');
});
