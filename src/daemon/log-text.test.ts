import { expect, test } from 'vitest';
import { logText } from './log-text.ts';

test.each([
  ['ggml.c:1234: GGML_ASSERT(ctx != NULL) failed', 'ggml.c:1234: GGML_ASSERT(ctx != NULL) failed'],
  ['{"level":"info","time":"2026","actor":"rbee-hive","msg":"loading tiny"}', 'loading tiny'],
  ['{"level":"fatal","err":{"type":"Error","message":"no memory","stack":"at x"},"msg":"it ends"}', 'it ends: no memory'],
  ['{"level":"fatal","err":{"message":"no memory"},"msg":"no memory"}', 'no memory'],
  ['{"level":"error","msg":"the engine said \\"no\\" and', 'the engine said \\"no\\" and'],
  ['{"level":"err', '{"level":"err'],
  ['{"some":"other JSON"}', '{"some":"other JSON"}'],
])('the log line %s is shown as: %s', (line, words) => {
  expect(logText(line)).toBe(words);
});
