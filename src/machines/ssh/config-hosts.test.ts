import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { configHosts, wordsOf } from './config-hosts.ts';

let home: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'rbee-home-'));
  await mkdir(join(home, '.ssh', 'conf.d'), { recursive: true });
});
afterEach(() => rm(home, { recursive: true }));

const write = (name: string, text: string) => writeFile(join(home, '.ssh', name), text);

test('single hosts of ~/.ssh/config are listed once, in order, without patterns and negations', async () => {
  await write(
    'config',
    'Host attic cellar *.lan !x "gaming pc"\n  HostName 192.0.2.7\nhost=shed # mine\nHost attic ?\n#Host no\n',
  );
  expect(await configHosts(home)).toEqual(['attic', 'cellar', 'gaming pc', 'shed']);
});

test('Include reads files by pattern, relative to ~/.ssh, the home or the root, and the files that they include', async () => {
  await write('config', `Include conf.d/*.conf ~/more ${home}/.ssh/third\nInclude missing\nHost last\n`);
  await write('conf.d/b.conf', 'Host b\n');
  await write('conf.d/a.conf', 'Host a\n  Include third\n');
  await write('conf.d/.hidden.conf', 'Host hidden\n');
  await write('conf.d/c.txt', 'Host text\n');
  await write('third', 'Host third\n');
  await writeFile(join(home, 'more'), 'Host more\n');
  expect(await configHosts(home)).toEqual(['a', 'third', 'b', 'more', 'last']);
});

test('files that include each other are read once', async () => {
  await write('config', 'Host a\nInclude config\n');
  expect(await configHosts(home)).toEqual(['a']);
});

test('there are no hosts without a ~/.ssh/config', async () => {
  expect(await configHosts(home)).toEqual([]);
  expect(await configHosts(join(home, 'nowhere'))).toEqual([]);
});

test.each([
  ['Host a b', ['Host', 'a', 'b']],
  ['\tHOST = a\t"b c"  ', ['HOST', 'a', 'b c']],
  ['Host a # b', ['Host', 'a']],
  ['# Host a', []],
  ['', []],
  ['Host', []],
])('the config line %j is split as OpenSSH splits it', (line, words) => {
  expect(wordsOf(line)).toEqual(words);
});
