// Each file that the documentation names exists: in a link, or as a path in backticks. Files move; their names in prose do not follow.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const LINK = /\]\((?!\w+:|#)([^)#]+)/g;
/** Paths of sources are given from the root, or from src/. A name in <angle brackets> or with a pattern stands for many files. */
const PATH =
  /`((?:src|test|bench|scripts|docs|contract|proof|jobs|narration|daemon|machines|keeper|queen|hive|worker)\/[\w./-]+)`/g;
const STANDS_FOR_MANY = /YYYY/;

const pages = execFileSync('git', ['ls-files', '*.md'], { encoding: 'utf8' }).split('\n').filter(Boolean);
let broken = 0;
for (const page of pages.filter((name) => existsSync(name))) {
  const text = readFileSync(page, 'utf8');
  const links = [...text.matchAll(LINK)].map(([, path]) => [path, existsSync(join(dirname(page), path))]);
  const paths = [...text.matchAll(PATH)].map(([, path]) => [path, existsSync(path) || existsSync(join('src', path))]);
  for (const [path, exists] of [...links, ...paths]) {
    if (exists || STANDS_FOR_MANY.test(path)) continue;
    broken += 1;
    console.log(`${page}: there is no ${path}`);
  }
}
process.exit(broken === 0 ? 0 : 1);
