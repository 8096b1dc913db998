// The licences of the packages that are bundled: most of them ask for their text to go wherever their code goes.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const packageOf = /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/;

/** @param files from the root, as esbuild names them */
export function writeLicenses(files, { root, file }) {
  const folders = [...new Set(files.map((each) => packageOf.exec(each)?.[0]).filter(Boolean))].toSorted();
  const entries = folders.map((folder) => entryOf(join(root, folder)));
  writeFileSync(file, `rbee contains the code of these packages.\n\n${[...new Set(entries)].join('\n')}`);
}

function entryOf(folder) {
  const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const texts = readdirSync(folder)
    .filter((each) => /^(licen[cs]e|notice)/i.test(each))
    .map((each) => readFileSync(join(folder, each), 'utf8'));
  return [
    `${'='.repeat(80)}\n${name} ${version} (${license})\n${'='.repeat(80)}\n`,
    ...texts.map((text) => `${text.trim()}\n`),
  ].join('\n');
}
