#!/usr/bin/env node
import { writeSync } from 'node:fs';
import { join } from 'node:path';

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
  const packageRoot = join(import.meta.dirname, '..');
  const roles = () => import('./roles.ts');
  const { main } = await import('./keeper/index.ts');
  await main(argv, {
    queen: async (flags) => (await roles()).runQueen(flags),
    hive: async (flags) => (await roles()).runHive(flags, packageRoot),
    worker: async (flags) => (await roles()).runWorker(flags),
    probe: async (worker, modelPath) => (await roles()).runProbe(worker, modelPath),
  });
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
