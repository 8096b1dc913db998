import { execFileSync, spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { remoteCommand, shellQuote } from './quote.ts';

const shells = ['sh', 'dash', 'bash', 'zsh', 'fish', 'csh', 'tcsh'];
const isInstalled = (shell: string) => spawnSync(shell, ['-c', 'true']).error === undefined;
const installed = shells.filter(isInstalled);

/** What no shell may take for its own, and any text beside it. */
const words = fc.array(
  fc
    .oneof(fc.string({ unit: fc.constantFrom(...`'"\\!$\`*?~#&|;<>(){}[]=%^, \tab`) }), fc.string({ unit: 'grapheme' }))
    .map((word) => word.replaceAll('\0', '').replaceAll('\n', ' ')),
  { minLength: 1, maxLength: 5 },
);

describe.each(installed)('a login shell that is %s', (shell) => {
  test('passes every word on unharmed', () => {
    fc.assert(
      fc.property(words, (given) => {
        const command = remoteCommand('for each in "$@"; do printf "%s\\0" "$each"; done', given);
        expect(execFileSync(shell, ['-c', command]).toString()).toBe(given.map((word) => `${word}\0`).join(''));
      }),
      { numRuns: 25 },
    );
  });

  test.each([0, 1, 254, 255])('tells the status %i of a script, where 255 is none', (status) => {
    expect(spawnSync(shell, ['-c', remoteCommand(`exit ${status}`)]).status).toBe(Math.min(status, 254));
  });
});

test.skipIf(!isInstalled('sh'))('a script has lines, comments, here-documents and line feeds in its arguments', () => {
  const script = `# it's "said"\ncat <<'X'\n\\$here\nX\nprintf '%s' "$1" # end`;
  for (const shell of installed.filter((each) => !each.endsWith('csh')))
    expect(execFileSync(shell, ['-c', remoteCommand(script, ['a\nb\n'])]).toString()).toBe('\\$here\na\nb\n');
});

test('an empty word stays a word', () => {
  expect(shellQuote('')).toBe("''");
});
