// Bundles src/ into dist/: one entry, one chunk a role, loaded on demand, so that `rbee --version` reads one small file.
// What must stay a package is external: node-llama-cpp reads its own files by path, libsql loads a native binary.
// Built aside and swapped in, so that a failed build leaves the old one, and a running rbee finds whole files.
import { readFileSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { build } from 'esbuild';

/** Fastify names them, and loads them for what rbee does not have: schemas (src/jobs/server/server.ts) and injected requests. */
const neverLoaded = ['@fastify/ajv-compiler', '@fastify/fast-json-stringify-compiler', 'light-my-request'];

const root = dirname(import.meta.dirname);
const [dist, fresh, old] = ['dist', `dist.new-${process.pid}`, `dist.old-${process.pid}`].map((name) => join(root, name));
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

try {
  await build({
    absWorkingDir: root,
    entryPoints: ['src/rbee.ts'],
    outdir: fresh,
    chunkNames: 'chunks/[name]-[hash]',
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20.19',
    external: ['node-llama-cpp', 'libsql', ...neverLoaded],
    define: { __RBEE_VERSION__: JSON.stringify(version) },
    // Bundled CommonJS packages (fastify, pino, commander) still call require() for Node's own modules.
    banner: {
      js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
    },
    // Less to parse: the command line starts with this.
    minify: true,
    legalComments: 'none',
    logLevel: 'warning',
  });
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
