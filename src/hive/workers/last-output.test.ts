import { expect, test } from 'vitest';
import { howItEnded, lastOutputIn, workerDied, workerGone } from './last-output.ts';

test('the last output contains lines of the engine and severe lines of the log, but no informational ones', () => {
  const log = [
    '{"level":"info","msg":"worker-1 is ready"}',
    'ggml.c:1234: GGML_ASSERT(ctx != NULL) failed',
    '',
    '{"level":"error","msg":"the engine gave up"}',
    '{"level":"err',
  ];
  expect(lastOutputIn(log)).toBe('ggml.c:1234: GGML_ASSERT(ctx != NULL) failed\nthe engine gave up\n{"level":"err');
});

test('a worker_died message says how the process ended', () => {
  expect(howItEnded({ exitCode: null, signal: 'SIGSEGV' })).toBe('was killed by SIGSEGV');
  expect(howItEnded({ exitCode: 1, signal: null })).toBe('exited with code 1');
  expect(workerDied('worker-1', 'was killed by SIGKILL', '').message).toBe(
    "Worker 'worker-1' was killed by SIGKILL. It printed nothing.",
  );
});

test('a request for a worker that has exited is not to be retried, and the error names the command that starts the worker again', () => {
  const error = workerGone('worker-1', 'GGML_ASSERT failed');
  expect(error).toMatchObject({ code: 'worker_not_found', retryable: false });
  expect(error.message).toBe(
    "Worker 'worker-1' has exited. Start it again: rbee worker restart worker-1. Last output: GGML_ASSERT failed",
  );
});

test('a last output over the limit keeps its end', () => {
  expect(lastOutputIn([`first ${'x'.repeat(100_000)} last`])).toMatch(/^x{7995} last$/);
});

test('stack frames are left out of the last output, so that the cause before them is shown', () => {
  const frames = Array.from({ length: 30 }, (_, at) => `/lib/x86_64-linux-gnu/libc.so.6(+0x9cb8${at})[0x7f2d4789cb84]`);
  expect(lastOutputIn(['ggml-cuda.cu:108: CUDA error', ...frames])).toBe('ggml-cuda.cu:108: CUDA error');
});
