import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { createProgram } from '../program.ts';
import { bashCompletions } from './bash.ts';
import { placesOf } from './command-tree.ts';
import { fishCompletions } from './fish.ts';
import { zshCompletions } from './zsh.ts';

const none = async () => undefined;
const places = placesOf(createProgram({ queen: none, hive: none, worker: none, probe: none }));

function completed(...words: string[]): string[] {
  const script = `${bashCompletions(places)}
COMP_WORDS=("$@"); COMP_CWORD=$((\${#COMP_WORDS[@]} - 1)); _rbee; printf '%s\\n' "\${COMPREPLY[@]}"`;
  return execFileSync('bash', ['-c', script, 'bash', 'rbee', ...words], { encoding: 'utf8' })
    .trim()
    .split('\n');
}

const has = (shell: string) => spawnSync(shell, ['-c', 'true']).status === 0;

test('completions do not offer hidden commands', () => {
  expect(places.map(({ words }) => words)).toContain('rbee hive run');
  expect(places.map(({ words }) => words)).not.toContain('rbee worker run');
});

describe('in bash', () => {
  test.each([
    [['inf'], ['infer']],
    [['worker', 'sp'], ['spawn']],
    [['worker', 'spawn', '--sl'], ['--slots']],
    [['worker', 'spawn', '--worker', 'cu'], ['cuda']],
    [
      ['worker', 'spawn', '--slots', '4', '--worker', ''],
      ['cpu', 'cuda', 'metal', 'vulkan'],
    ],
    [['completions', 'z'], ['zsh']],
    [['can'], ['cancel']],
    [['jobs', '--state', 'r'], ['running']],
    [['status', '--js'], ['--json']],
    [['worker', 'spawn', '--model', ''], ['']],
  ])('bash completes %j with %j', (words, answers) => {
    expect(completed(...words)).toEqual(answers);
  });
});

describe.each([
  ['bash', bashCompletions],
  ['zsh', zshCompletions],
  ['fish', fishCompletions],
] as const)('the script for %s', (shell, write) => {
  // Not every machine has every shell; CI has them all.
  test.skipIf(process.env['CI'] !== 'true' && !has(shell))('is valid there', async () => {
    await using folder = await mkdtempDisposable();
    const script = join(folder.path, 'completions');
    await writeFile(script, write(places));
    expect(spawnSync(shell, ['-n', script], { encoding: 'utf8' })).toMatchObject({ status: 0, stderr: '' });
  });
});

async function mkdtempDisposable() {
  const path = await mkdtemp(join(tmpdir(), 'rbee-completions-'));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true }) };
}
