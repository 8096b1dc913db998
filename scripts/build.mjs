// Bundles src/ into dist/: one entry, one chunk a role, loaded on demand, so that `rbee --version` reads one small file.
// What holds a native binary stays a package: libsql, and the packages with the engine's binaries.
// Built aside and swapped in, so that a failed build leaves the old one, and a running rbee finds whole files.
import { readFileSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { build } from 'esbuild';
import { binaryTest, bundledLlama, copyLlamaFiles } from './bundle-llama.mjs';
import { writeLicenses } from './licenses.mjs';

/** Fastify names them, and loads them for what rbee does not have: schemas (src/jobs/server.ts) and injected requests. */
const neverLoaded = ['@fastify/ajv-compiler', '@fastify/fast-json-stringify-compiler', 'light-my-request'];

const root = dirname(import.meta.dirname);
const [dist, fresh, old] = ['dist', `dist.new-${process.pid}`, `dist.old-${process.pid}`].map((name) => join(root, name));
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const llama = join(root, 'src/worker/engines/llama');

/** @returns the files whose code is part of it */
async function bundle(entryPoints, options) {
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints,
    outdir: fresh,
    chunkNames: 'chunks/[name]-[hash]',
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20.19',
    external: ['libsql', ...neverLoaded],
    define: {
      __RBEE_VERSION__: JSON.stringify(version),
      // As seen from a chunk.
      __TEMPLATE_RENDERER__: JSON.stringify('../template-renderer.js'),
      __BINARY_TEST__: JSON.stringify('../testBindingBinary.js'),
    },
    // Bundled CommonJS packages (fastify, pino, commander) still call require() for Node's own modules.
    banner: {
      js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
    },
    // Less to parse: the command line starts with this.
    minify: true,
    legalComments: 'none',
    logLevel: 'warning',
    metafile: true,
    ...options,
  });
  return Object.values(metafile.outputs).flatMap(({ inputs }) => Object.keys(inputs));
}

try {
  const files = await Promise.all([
    bundle({ rbee: 'src/rbee.ts', testBindingBinary: binaryTest }, { splitting: true, plugins: [bundledLlama(llama)] }),
    // Whole in itself: a thread that loads it needs nothing else.
    bundle({ 'template-renderer': join(llama, 'template-renderer.ts') }, { plugins: [bundledLlama()] }),
  ]);
  copyLlamaFiles(fresh);
  writeLicenses(files.flat(), { root, file: join(fresh, 'LICENSES.txt') });
  try {
    renameSync(dist, old);
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
  }
  renameSync(fresh, dist);
} finally {
  rmSync(fresh, { recursive: true, force: true });
  rmSync(old, { recursive: true, force: true });
}
