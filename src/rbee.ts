#!/usr/bin/env node
import { writeSync } from 'node:fs';
import { join } from 'node:path';
import { loadProgram } from './entry/load-program.ts';
import type { Roles } from './keeper/index.ts';

const OLDEST_NODE = { major: 20, minor: 19 };

const argv = process.argv.slice(2);
const isVersion = argv.length === 1 && (argv[0] === '--version' || argv[0] === '-V');
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);

if (major < OLDEST_NODE.major || (major === OLDEST_NODE.major && minor < OLDEST_NODE.minor)) {
  console.error(
    `rbee needs Node.js ${OLDEST_NODE.major}.${OLDEST_NODE.minor} or newer, and this is ${process.version}: https://nodejs.org`,
  );
  process.exitCode = 7;
} else if (!(isVersion && hasWrittenVersion())) {
  void settled(run(programOf(argv)));
}

/** A rejection ends the process, as an exception would. So does a promise that nothing can settle any more. */
async function settled(running: Promise<void>): Promise<void> {
  const onIdle = () => {
    console.error('rbee: the command ended without a result. This is a bug in rbee');
    process.exitCode = 70;
  };
  process.once('beforeExit', onIdle);
  await running;
  process.off('beforeExit', onIdle);
}

/** Each role is a program of its own, with the command line in it: a process reads one file. */
function programOf([first = '', second = '']: readonly string[]): string {
  if (second === 'run' && (first === 'queen' || first === 'hive')) return first;
  return first === 'worker' && (second === 'run' || second === 'probe') ? 'worker' : 'keeper';
}

function run(program: string): Promise<void> {
  // As for `rbee --json queen run`, which the command line had to parse first.
  const elsewhere: Roles = {
    queen: () => run('queen'),
    hive: () => run('hive'),
    worker: () => run('worker'),
    probe: () => run('worker'),
  };
  return loadProgram(join(import.meta.dirname, `${program}.js`), commandOf(argv)).run(argv, elsewhere);
}

function commandOf([first = '']: readonly string[]): string {
  return /^[a-z-]{1,20}$/.test(first) ? first : '';
}

/** Printed before anything is loaded; console.log alone would take 2 ms. If stdout cannot be written, the command line reports why. */
function hasWrittenVersion(): boolean {
  try {
    writeSync(1, `${__RBEE_VERSION__}\n`);
    return true;
  } catch {
    return false;
  }
}
