// Bundles programs of the development tree into dist.bench/, beside dist/: the bench, the processes that it starts, and the soak.
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const root = dirname(import.meta.dirname);

/**
 * Builds rbee first: the fleet is measured as it is built.
 * @param {string[]} entryPoints sources, below `folder`
 * @returns the folder of the bundles
 */
export async function bundleBeside(folder, entryPoints) {
  const outdir = join(root, 'dist.bench');
  await import('./build.mjs');
  await build({
    absWorkingDir: root,
    entryPoints: entryPoints.map((entry) => `${folder}/${entry}`),
    outdir,
    outbase: folder,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20.19',
    external: ['node-llama-cpp', 'libsql', 'prettier'],
    define: {
      __RBEE_VERSION__: JSON.stringify('0.0.0-bench'),
      __TEMPLATE_RENDERER__: JSON.stringify(pathToFileURL(join(root, 'dist', 'template-renderer.js')).href),
      __BINARY_TEST__: JSON.stringify(pathToFileURL(join(root, 'dist', 'testBindingBinary.mjs')).href),
    },
    // Bundled CommonJS packages (fastify, pino) still call require() for Node's own modules.
    banner: {
      js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
    },
    // Not minified, so that a CPU profile shows the names of functions.
    legalComments: 'none',
    logLevel: 'warning',
  });
  return outdir;
}
