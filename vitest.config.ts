import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { defineConfig } from 'vitest/config';
import LongestFirst from './test/support/longest-first.ts';

/** An engine is one for its whole process, and so is what it says. */
const ENGINES = 'src/worker/**/*.test.ts';

/** What the build makes a file of its own: a thread reads neither TypeScript nor more of the library than it must. */
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
      // They leave nothing behind in their process, and one process takes one after the other: to begin anew for each, and to load
      // the same modules again, is most of what they cost.
      { extends: true, test: { name: 'units', include: ['src/**/*.test.ts'], exclude: [ENGINES], isolate: false } },
    ],
  },
});
