// Bundles src/ into dist/: one entry, one chunk a role, loaded on demand, so that `rbee --version` reads one small file.
// What must stay a package is external: node-llama-cpp reads its own files by path, libsql loads a native binary.
import { readFileSync, rmSync } from 'node:fs';
import { build } from 'esbuild';

const root = new URL('..', import.meta.url);
const { version } = JSON.parse(readFileSync(new URL('package.json', root), 'utf8'));

rmSync(new URL('dist', root), { recursive: true, force: true });
await build({
  absWorkingDir: new URL('.', root).pathname,
  entryPoints: ['src/rbee.ts'],
  outdir: 'dist',
  chunkNames: 'chunks/[name]-[hash]',
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20.19',
  external: ['node-llama-cpp', 'libsql'],
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
