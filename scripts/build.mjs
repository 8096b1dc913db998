// Bundles src/ into dist/: a small entry, and one program a role, each in one file of CommonJS, whose compiled code src/entry/ can
// store (docs/decisions/2026-11-28-compiled-code-is-stored.md). Threads and the test of a binary load files of their own.
// What holds a native binary stays a package: libsql, and the packages with the engine's binaries.
// Built aside and swapped in, so that a failed build leaves the old one, and a running rbee finds whole files.
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
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

/** What a CommonJS file has in place of import.meta. */
const commonjs = {
  format: 'cjs',
  define: { 'import.meta.url': '__url', 'import.meta.dirname': '__dirname', 'import.meta.filename': '__filename' },
  banner: { js: "const __url = require('node:url').pathToFileURL(__filename).href;" },
};

/** For files that are imported by their URL. */
const esm = {
  format: 'esm',
  outExtension: { '.js': '.mjs' },
  // Bundled CommonJS packages still call require() for Node's own modules.
  banner: {
    js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
  },
};

/** @returns the files whose code is part of it */
async function bundle(entryPoints, { define = {}, ...options }) {
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints,
    outdir: fresh,
    bundle: true,
    platform: 'node',
    target: 'node20.19',
    external: ['libsql', ...neverLoaded],
    define: {
      __RBEE_VERSION__: JSON.stringify(version),
      __TEMPLATE_RENDERER__: JSON.stringify('./template-renderer.js'),
      __BINARY_TEST__: JSON.stringify('./testBindingBinary.mjs'),
      ...define,
    },
    // Less to read and to compile.
    minify: true,
    legalComments: 'none',
    logLevel: 'warning',
    metafile: true,
    ...options,
  });
  return Object.values(metafile.outputs).flatMap(({ inputs }) => Object.keys(inputs));
}

/** Stays a file: its import() works only in a file that Node loads itself. */
const apart = {
  name: 'apart',
  setup: ({ onResolve }) => onResolve({ filter: /\/import-module\.ts$/ }, () => ({ path: './import-module.js', external: true })),
};

const programs = ['keeper', 'queen', 'hive', 'worker'];

function program(name) {
  const plugins = name === 'worker' ? [apart, bundledLlama(llama)] : [apart];
  return bundle({ [name]: `src/programs/${name}.ts` }, { ...commonjs, plugins });
}

try {
  const files = await Promise.all([
    // Without a URL: `rbee --version` loads no module but node:fs.
    bundle({ rbee: 'src/rbee.ts' }, { ...commonjs, banner: {} }),
    ...programs.map(program),
    bundle({ 'import-module': join(llama, 'import-module.ts') }, { ...commonjs, banner: {} }),
    bundle({ testBindingBinary: binaryTest }, { ...esm, plugins: [bundledLlama()] }),
    bundle({ 'template-renderer': join(llama, 'template/renderer.ts') }, { ...commonjs, banner: {} }),
  ]);
  writeFileSync(join(fresh, 'package.json'), '{"type":"commonjs"}\n');
  for (const name of programs) prepare(join(fresh, `${name}.js`));
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

/** src/entry/load-program.ts reads each character as one byte. esbuild escapes others already, except in regular expressions. */
function prepare(file) {
  const text = readFileSync(file, 'utf8');
  if (/\bimport\(/.test(text))
    throw new TypeError(`${file} has an import(), which fails in a program whose compiled code is stored`);
  const escaped = text.replace(/[^\0-\x7f]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
  if (escaped !== text) writeFileSync(file, escaped);
}
