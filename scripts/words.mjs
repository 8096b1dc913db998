// Keeps words out of the project that make a reader stop. CONTRIBUTING.md ("Words") has what to write instead.
// Run as `node scripts/words.mjs [path…]`; all tracked text files by default.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** Whole words and phrases, in any case. */
const BANNED = [
  'nobody|somebody|anybody|whoever',
  '(?:am|are|be|been|is|was|were) told',
  '(?:are|is|not|of) ours',
  'mend(?:s|ed|ing)?',
  'for ever',
  'goes on',
  'last words?',
  'anew',
  'in vain',
  'she|her|hers|herself',
];
/** Measured figures, which are generated, and the glossary itself. */
const EXEMPT = new Set(['docs/BENCHMARKS.md', 'CONTRIBUTING.md', 'scripts/words.mjs']);

const pattern = new RegExp(`\\b(?:${BANNED.join('|')})\\b`, 'gi');
const tracked = execFileSync('git', ['ls-files', '-co', '--exclude-standard', '--', ...process.argv.slice(2)], {
  encoding: 'utf8',
});
const files = tracked.split('\n').filter((file) => /\.(?:ts|mjs|cjs|js|md)$|^rbee$/.test(file) && !EXEMPT.has(file));

let found = 0;
for (const file of files) {
  for (const [index, line] of readLines(file).entries()) {
    for (const [words] of line.matchAll(pattern)) {
      found += 1;
      console.log(`${file}:${index + 1}: '${words}' in: ${line.trim().slice(0, 140)}`);
    }
  }
}
if (found > 0) console.log(`${found} to replace: CONTRIBUTING.md, "Words", says by what.`);
process.exit(found === 0 ? 0 : 1);

/** Nothing of a tracked file that has just been deleted. */
function readLines(file) {
  try {
    return readFileSync(file, 'utf8').split('\n');
  } catch {
    return [];
  }
}
