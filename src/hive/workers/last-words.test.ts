import { expect, test } from 'vitest';
import { howItEnded, lastWordsIn, workerDied } from './last-words.ts';

test("the engine's own lines and what was grave are last words; what was said in passing is not", () => {
  const log = [
    '{"level":"info","msg":"worker-1 is ready"}',
    'ggml.c:1234: GGML_ASSERT(ctx != NULL) failed',
    '',
    '{"level":"error","msg":"the engine gave up"}',
    '{"level":"err',
  ];
  expect(lastWordsIn(log)).toBe('ggml.c:1234: GGML_ASSERT(ctx != NULL) failed\nthe engine gave up\n{"level":"err');
});

test('how a process ended is a sentence', () => {
  expect(howItEnded({ exitCode: null, signal: 'SIGSEGV' })).toBe('was ended by SIGSEGV');
  expect(howItEnded({ exitCode: 1, signal: null })).toBe('ended with exit code 1');
  expect(workerDied('worker-1', 'was ended by SIGKILL', '').message).toBe(
    "Worker 'worker-1' was ended by SIGKILL. It left no last words.",
  );
});

test('last words are cut to their end, so that they can be told', () => {
  expect(lastWordsIn([`first ${'x'.repeat(100_000)} last`])).toMatch(/^x{7995} last$/);
});

test('the frames of a stack are left out, so that the cause before them is shown', () => {
  const frames = Array.from({ length: 30 }, (_, at) => `/lib/x86_64-linux-gnu/libc.so.6(+0x9cb8${at})[0x7f2d4789cb84]`);
  expect(lastWordsIn(['ggml-cuda.cu:108: CUDA error', ...frames])).toBe('ggml-cuda.cu:108: CUDA error');
});
