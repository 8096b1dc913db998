// Lets esbuild bundle node-llama-cpp, of which a worker would otherwise read 370 files at every start. Each of its modules keeps
// its own idea of where it lies, and the few files that it reads there are copied. What is replaced in it is named here, and a
// version in which it is not found fails the build (docs/decisions/2026-11-27-the-engine-is-bundled.md).
import { cpSync, mkdirSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, relative, sep } from 'node:path';

const library = dirname(createRequire(import.meta.url).resolve('node-llama-cpp'));

/** The module that tests a binary in a process of its own, which runs this same file: it stays a file. */
export const binaryTest = join(library, 'bindings', 'utils', 'testBindingBinary.js');

/** Where the library imports the packages with its binaries. */
const binaryImporter = join(library, 'bindings', 'utils', 'compileLLamaCpp.js');
const binaryImport = /\bimport\((?="@node-llama-cpp\/)/g;

/** Awaits, at its top level, the name of llama.cpp's release in a file. CommonJS has no such await, and the name is known when rbee is built. */
const releaseReader = join(library, 'bindings', 'utils', 'binariesGithubRelease.js');
const releaseRead = 'await getBinariesGithubRelease()';

/** Only compiling llama.cpp or downloading a model uses them, and rbee has the library do neither. They are a third of the code. */
const neverUsed = ['simple-git', 'ipull', 'ora', 'stdout-update', 'slice-ansi', 'cross-spawn'];

/** What the library reads at run time: the versions of itself and of llama.cpp, which must be those of the binaries. */
const filesRead = ['package.json', 'llama/binariesGithubRelease.json', 'llama/llama.cpp.info.json', 'LICENSE'];

/** @param engine the folder with what stands in for parts of the library; undefined where only its test of a binary is bundled */
export function bundledLlama(engine) {
  const replaced = new Set();
  return {
    name: 'node-llama-cpp',
    setup(build) {
      build.onStart(() => replaced.clear());
      build.onResolve({ filter: /^@node-llama-cpp\/|^electron$/ }, ({ path }) => ({ path, external: true }));
      build.onResolve({ filter: new RegExp(`^(${neverUsed.join('|')})$`) }, ({ path }) => {
        replaced.add(path);
        return { path, namespace: 'never-used' };
      });
      build.onLoad({ filter: /.*/, namespace: 'never-used' }, ({ path }) => ({ contents: failing(path) }));
      build.onResolve({ filter: /\/testBindingBinary\.js$/ }, ({ importer }) => {
        if (engine === undefined || !importer.startsWith(library)) return undefined;
        replaced.add('testBindingBinary');
        return { path: join(engine, 'binary-test.ts') };
      });
      build.onResolve({ filter: /\/readGgufFileInfo\.js$/ }, ({ importer }) => {
        if (engine === undefined || !importer.endsWith(`${sep}LlamaModel.js`)) return undefined;
        replaced.add('readGgufFileInfo');
        return { path: join(engine, 'model-header.ts') };
      });
      // No module of the library does anything but define things, so those of which nothing is used are left out.
      build.onResolve({ filter: /^(\.|node-llama-cpp$)/ }, async ({ path, importer, resolveDir, kind, pluginData }) => {
        if (pluginData === 'resolving' || !(path === 'node-llama-cpp' || importer.startsWith(library))) return undefined;
        const found = await build.resolve(path, { importer, resolveDir, kind, pluginData: 'resolving' });
        return found.path.startsWith(library) ? { ...found, sideEffects: false } : found;
      });
      build.onLoad({ filter: /[\\/]node-llama-cpp[\\/]dist[\\/].*\.js$/ }, async ({ path }) => {
        const text = await readFile(path, 'utf8');
        if (path === binaryTest) return { contents: text };
        if (path === releaseReader && text.includes(releaseRead)) {
          replaced.add('the release of llama.cpp');
          return { contents: text.replace(releaseRead, JSON.stringify(release())) };
        }
        const placed = inItsPlace(path, text);
        if (engine === undefined || path !== binaryImporter || placed.search(binaryImport) < 0) return { contents: placed };
        replaced.add('packages with binaries');
        return { contents: withImportOfOurs(placed, join(engine, 'binary-packages.ts')) };
      });
      build.onEnd(({ errors }) => {
        const missing = [
          ...neverUsed,
          'testBindingBinary',
          'readGgufFileInfo',
          'the release of llama.cpp',
          'packages with binaries',
        ].filter((name) => !replaced.has(name));
        if (engine === undefined || errors.length > 0 || missing.length === 0) return undefined;
        const text = `node-llama-cpp has changed: it no longer has ${missing.join(', ')}. See scripts/bundle-llama.mjs`;
        return { errors: [{ text }] };
      });
    },
  };
}

/** Copies what the library reads, to where its modules look for it. */
export function copyLlamaFiles(outdir) {
  for (const file of filesRead) {
    const target = join(outdir, 'node-llama-cpp', file);
    mkdirSync(dirname(target), { recursive: true });
    cpSync(join(dirname(library), file), target);
  }
}

function release() {
  return JSON.parse(readFileSync(join(dirname(library), 'llama', 'binariesGithubRelease.json'), 'utf8')).release;
}

/** A module whose functions fail with a sentence: an `undefined` would fail much later. */
function failing(name) {
  const error = JSON.stringify(`${name} is not part of rbee`);
  return `module.exports = new Proxy({}, { get: (_, key) => key !== '__esModule' && (() => { throw new Error(${error}); }) });`;
}

/** The module's place in the package is where copyLlamaFiles puts the package's files, beside the bundle. */
function inItsPlace(path, text) {
  const place = `./node-llama-cpp/dist/${relative(library, path).replaceAll(sep, '/')}`;
  return text.replaceAll('import.meta.url', `new URL(${JSON.stringify(place)}, import.meta.url).href`);
}

function withImportOfOurs(text, module) {
  return `import { importBinaries } from ${JSON.stringify(module)};\n${text.replaceAll(binaryImport, 'importBinaries(')}`;
}
