import { defineConfig } from 'vitest/config';

export default defineConfig({
  define: { __RBEE_VERSION__: JSON.stringify('0.0.0-test') },
  test: {
    include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
    reporters: ['default', './test/support/closing-line.ts'],
    testTimeout: 30_000,
    hookTimeout: 30_000,
    // Tests start real daemons; more files at once than cores only makes every deadline tighter.
    maxWorkers: 2,
  },
});
