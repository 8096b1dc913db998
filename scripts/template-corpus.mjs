// Writes what the reference makes of templates, for the tests of src/worker/engines/llama/jinja to compare with:
// corpus.json has the prompts of real chat templates, expressions.json small templates, one for each rule of the language.
// The real ones are those of llama.cpp (MIT), in the git bundle that the package node-llama-cpp carries. Each belongs to the maker of
// its model, so only its name and its place in the bundle are written; the tests read it there.
// Run it when the package is updated. Needs git and python3 with the package jinja2.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { format } from 'prettier';

/** Longer prompts are written as their hash. */
const LONGEST_TEXT = 4_000;
const FOLDER = 'models/templates/';

const fixtures = join(import.meta.dirname, '../src/worker/engines/llama/jinja/fixtures');
const library = join(dirname(createRequire(import.meta.url).resolve('node-llama-cpp')), '..');
const bundle = join(library, 'llama/gitRelease.bundle');
const packStart = readFileSync(bundle).indexOf('PACK');

function readTemplates(folder) {
  const git = (...args) =>
    execFileSync('git', ['-C', folder, ...args], { encoding: 'utf8', maxBuffer: 2 ** 28, stdio: ['ignore', 'pipe', 'ignore'] });
  execFileSync('git', ['clone', '-q', '--bare', bundle, folder]);
  const commit = git('rev-list', '--all', '--max-count=1').trim();
  const pack = execFileSync('find', [join(folder, 'objects/pack'), '-name', '*.idx'], { encoding: 'utf8' }).trim();
  const offsets = new Map(
    git('verify-pack', '-v', pack)
      .split('\n')
      .map((line) => line.split(/\s+/))
      .map((part) => [part[0], Number(part[4])]),
  );
  return git('ls-tree', commit, FOLDER)
    .trim()
    .split('\n')
    .map((line) => /^\S+ blob (\S+)\t(.+)$/.exec(line))
    .filter(([, , path]) => path.endsWith('.jinja'))
    .map(([, sha1, path]) => ({
      name: path.slice(FOLDER.length, -'.jinja'.length),
      sha1,
      offset: packStart + offsets.get(sha1),
      template: git('cat-file', 'blob', sha1),
    }));
}

function reference(jobs) {
  const input = JSON.stringify(jobs);
  return JSON.parse(
    execFileSync('python3', [join(import.meta.dirname, 'template-reference.py')], {
      input,
      encoding: 'utf8',
      maxBuffer: 2 ** 28,
    }),
  );
}

function expected({ text, error }) {
  if (error !== undefined) return { error };
  return text.length <= LONGEST_TEXT ? text : { sha256: createHash('sha256').update(text).digest('hex') };
}

async function write(file, value) {
  writeFileSync(join(fixtures, file), await format(JSON.stringify(value), { parser: 'json', printWidth: 130 }));
}

const folder = mkdtempSync(join(tmpdir(), 'rbee-templates-'));
try {
  const conversations = JSON.parse(readFileSync(join(fixtures, 'conversations.json'), 'utf8'));
  const names = Object.keys(conversations);
  const templates = readTemplates(folder);
  const prompts = reference(templates.flatMap(({ template }) => names.map((name) => ({ template, vars: conversations[name] }))));
  const corpus = templates.map(({ name, sha1, offset }, index) => ({
    name,
    sha1,
    offset,
    prompts: Object.fromEntries(names.map((conversation, at) => [conversation, expected(prompts[index * names.length + at])])),
  }));
  await write('corpus.json', {
    source: 'llama.cpp (MIT), models/templates',
    version: JSON.parse(readFileSync(join(library, 'package.json'))).version,
    templates: corpus,
  });

  const { variables, templates: small } = JSON.parse(readFileSync(join(fixtures, 'expressions.json'), 'utf8'));
  const texts = reference(small.map(([template]) => ({ template, vars: variables })));
  await write('expressions.json', {
    variables,
    templates: small.map(([template], index) => [template, texts[index].text ?? null]),
  });
} finally {
  rmSync(folder, { recursive: true, force: true });
}
