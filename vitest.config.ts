import { mkdirSync, renameSync } from 'node:fs';
import { basename, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { buildSync } from 'esbuild';
import { defineConfig } from 'vitest/config';
import LongestFirst from './test/support/longest-first.ts';

/** They measure their own process, change it, or load the engine's Vulkan binary or read its log, which exist once in a process. */
const ALONE = [
  'test/{limits,make-room,vulkan}.test.ts',
  'test/hosts/{ssh,logins}.test.ts',
  'src/worker/engines/llama/load.test.ts',
];

/** A thread runs no TypeScript. */
const templateRenderer = pathToFileURL(bundled('src/worker/engines/llama/template/renderer.ts'));

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
    // Tests start real daemons, whose work keeps two cores busy with four files at once. More would only make every deadline tighter.
    maxWorkers: 4,
    globalSetup: './test/support/kit-cache.ts',
    sequence: { sequencer: LongestFirst },
    projects: [
      { extends: true, test: { name: 'alone', include: ALONE } },
      // Tests leave nothing behind in their process, so one process runs many files: a new process for each, which loads the same
      // modules again, would be most of the cost of most files.
      { extends: true, test: { name: 'together', include: ['{src,test}/**/*.test.ts'], exclude: ALONE, isolate: false } },
    ],
  },
});

/** A program as one file of JavaScript, put in place as a whole: other runs may use it. */
function bundled(entry: string): string {
  const folder = join(import.meta.dirname, 'node_modules/.cache/rbee');
  const file = join(folder, basename(entry, '.ts') + '.mjs');
  const made = `${file}.${String(process.pid)}`;
  mkdirSync(folder, { recursive: true });
  buildSync({ entryPoints: [join(import.meta.dirname, entry)], outfile: made, bundle: true, format: 'esm', platform: 'node' });
  renameSync(made, file);
  return file;
}
