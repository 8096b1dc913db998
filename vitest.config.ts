import { defineConfig } from 'vitest/config';
import LongestFirst from './test/support/longest-first.ts';

export default defineConfig({
  define: { __RBEE_VERSION__: JSON.stringify('0.0.0-test') },
  test: {
    include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
    reporters: ['default', './test/support/closing-line.ts'],
    testTimeout: 30_000,
    hookTimeout: 30_000,
    // Tests start real daemons, and wait for them more than they compute: three files at once keep two cores two thirds busy.
    // More would only make every deadline tighter.
    maxWorkers: 3,
    globalSetup: './test/support/kit-cache.ts',
    sequence: { sequencer: LongestFirst },
  },
});
