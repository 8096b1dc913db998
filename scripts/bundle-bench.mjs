// Bundles bench/ beside dist/: one file for the bench, one for each process that it starts, and the soak.
import { dirname, join } from 'node:path';
import { build } from 'esbuild';

const root = dirname(import.meta.dirname);

/** @returns the folder that the bundles are in */
export async function bundleBench() {
  const outdir = join(root, 'dist.bench');
  // The fleet is measured as it is built.
  await import('./build.mjs');
  await build({
    absWorkingDir: root,
    entryPoints: ['bench/bench.ts', 'bench/**/*-process.ts'],
    outdir,
    outbase: 'bench',
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20.19',
    external: ['node-llama-cpp', 'libsql', 'prettier'],
    define: { __RBEE_VERSION__: JSON.stringify('0.0.0-bench') },
    // Bundled CommonJS packages (fastify, pino) still call require() for Node's own modules.
    banner: {
      js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
    },
    // Not minified, so that a CPU profile names our functions.
    legalComments: 'none',
    logLevel: 'warning',
  });
  return outdir;
}
