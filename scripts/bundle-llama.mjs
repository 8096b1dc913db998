// Lets esbuild bundle node-llama-cpp, of which a worker would otherwise read 370 files at every start. Each of its modules keeps
// its own idea of where it lies, and the few files that it reads there are copied: see docs/decisions.
import { cpSync, mkdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, relative, sep } from 'node:path';

const resolved = createRequire(import.meta.url).resolve('node-llama-cpp');
const library = dirname(resolved);
const packageFolder = dirname(library);

/** The module that tries a binary in a process of its own, which runs this same file: it stays a file. */
export const binaryTest = join(library, 'bindings', 'utils', 'testBindingBinary.js');

/** Only compiling llama.cpp or downloading a model uses them, and rbee does neither. They are half of what is to be loaded. */
const neverUsed = ['simple-git', 'ipull', 'ora', 'stdout-update', 'slice-ansi', 'cross-spawn'];

/** What the library reads at run time: the versions of itself and of llama.cpp, which the binaries must have too. */
const filesRead = ['package.json', 'llama/binariesGithubRelease.json', 'llama/llama.cpp.info.json', 'LICENSE'];

/** @param replacement the module that stands in for the library's test of a binary, where the engine itself is bundled */
export function bundledLlama({ replacement } = {}) {
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
      // Functions that are called, and fail with a sentence: a silent undefined would be found much later.
      build.onLoad({ filter: /.*/, namespace: 'never-used' }, ({ path }) => ({
        contents: `module.exports = new Proxy({}, { get: (_, name) => name === '__esModule' ? false : () => { throw new Error(${JSON.stringify(`${path} is not part of rbee`)}); } });`,
      }));
      build.onResolve({ filter: /\/testBindingBinary\.js$/ }, ({ importer }) => {
        if (replacement === undefined || !importer.startsWith(library)) return undefined;
        replaced.add('testBindingBinary');
        return { path: replacement };
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
        const place = `../node-llama-cpp/dist/${relative(library, path).replaceAll(sep, '/')}`;
        return { contents: text.replaceAll('import.meta.url', `new URL(${JSON.stringify(place)}, import.meta.url).href`) };
      });
      build.onEnd(({ errors }) => {
        const missing = [...neverUsed, 'testBindingBinary'].filter((name) => !replaced.has(name));
        if (errors.length > 0 || replacement === undefined || missing.length === 0) return undefined;
        return {
          errors: [
            { text: `node-llama-cpp has changed: it no longer imports ${missing.join(', ')}. See scripts/bundle-llama.mjs` },
          ],
        };
      });
    },
  };
}

/** Copies what the library reads, to where its modules look for it. */
export function copyLlamaFiles(outdir) {
  for (const file of filesRead) {
    const target = join(outdir, 'node-llama-cpp', file);
    mkdirSync(dirname(target), { recursive: true });
    cpSync(join(packageFolder, file), target);
  }
}
