// Everything that can be checked without running the program, in one command. All checks run, also after one has failed.
import { spawnSync } from 'node:child_process';

const checks = [
  ['types', 'tsc'],
  ['lint', 'eslint', '.', '--max-warnings=0'],
  ['format', 'prettier', '--check', '--log-level=warn', '.'],
  ['rooms', 'depcruise', 'src', 'test', 'bench', '--config', '--output-type', 'err'],
  ['dead code', 'knip', '--no-progress', '--exclude', 'types'],
  ['docs', 'node', 'scripts/docs.mjs', '--check'],
  ['links', 'node', 'scripts/links.mjs'],
  ['words', 'node', 'scripts/words.mjs'],
];

let failed = 0;
for (const [name, command, ...args] of checks) {
  const started = performance.now();
  const [program, programArgs] = command === 'node' ? [process.execPath, args] : ['npx', ['--no-install', command, ...args]];
  const { status, stdout, stderr } = spawnSync(program, programArgs, { encoding: 'utf8' });
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  console.log(`${status === 0 ? '✓' : '✗'} ${name} (${seconds} s)`);
  if (status === 0) continue;
  failed += 1;
  console.log([stdout, stderr].filter(Boolean).join('\n'));
}
process.exit(failed === 0 ? 0 : 1);
