import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { defineConfig } from 'vitest/config';
import LongestFirst from './test/support/longest-first.ts';

/** The engine, and its log, exist once per process. */
const ENGINES = 'src/worker/**/*.test.ts';

/** The build makes this a file of its own: a thread runs no TypeScript, and loads no more of the library than it needs. */
const library = pathToFileURL(createRequire(import.meta.url).resolve('node-llama-cpp'));
const templateRenderer = new URL('chatWrappers/generic/JinjaTemplateChatWrapper.js', library);

export default defineConfig({
  define: {
    __RBEE_VERSION__: JSON.stringify('0.0.0-test'),
    __TEMPLATE_RENDERER__: JSON.stringify(templateRenderer),
  },
  test: {
    reporters: ['default', './test/support/closing-line.ts'],
    // For what hangs. No test measures the machine: a busy one takes ten times as long as an idle one.
    testTimeout: 300_000,
    hookTimeout: 300_000,
    expect: { poll: { timeout: 100_000, interval: 20 } },
    // Tests start real daemons, whose work keeps two cores busy with three files at once. More would only make every deadline tighter.
    maxWorkers: 3,
    globalSetup: './test/support/kit-cache.ts',
    sequence: { sequencer: LongestFirst },
    projects: [
      { extends: true, test: { name: 'system', include: ['test/**/*.test.ts', ENGINES] } },
      // Unit tests leave nothing behind in their process, so one process runs many files: a new process for each, which loads the
      // same modules again, would be most of the cost.
      { extends: true, test: { name: 'units', include: ['src/**/*.test.ts'], exclude: [ENGINES], isolate: false } },
    ],
  },
});
