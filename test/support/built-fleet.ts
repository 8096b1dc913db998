import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { freePorts, testSwarm, type Swarm } from './swarm.ts';
import { atTheEnd, temporaryFolder } from './ending.ts';

/** The command line as it is built. This file is bundled into dist.bench/, and tests import it as it is. */
export const entry = join(packageRoot(import.meta.dirname), 'dist', 'rbee.js');

/** A frozen worker keeps its port, and its successor takes the next one. */
const SPARE_PORTS = 8;

/** Queen and hive as they are built, running, in a home of their own. */
export interface Fleet extends Swarm {
  queenPort: number;
  hivePort: number;
}

/** @param own added to the environment of its processes */
export async function startFleet(own: Record<string, string> = {}): Promise<Fleet> {
  assert(existsSync(entry), 'the fleet is started as it is built: npm run build');
  const home = await temporaryFolder();
  const [port = 0] = await freePorts(1);
  const env = { RBEE_WORKER_PORTS: `${port}-${port + SPARE_PORTS}`, ...own };
  const swarm = await testSwarm({ entry, home: home.path, env });
  const forget = atTheEnd(() => spawnSync(process.execPath, [entry, 'down'], { env: swarm.env }));
  // The first command starts the queen, and the queen the hive.
  await swarm.result(['worker', 'list']);
  return {
    ...swarm,
    queenPort: Number(new URL(swarm.queenUrl).port),
    hivePort: Number(new URL(swarm.hiveUrl).port),
    async [Symbol.asyncDispose]() {
      await swarm[Symbol.asyncDispose]();
      forget();
      await home[Symbol.asyncDispose]();
    },
  };
}

function packageRoot(folder: string): string {
  return existsSync(join(folder, 'package.json')) ? folder : packageRoot(dirname(folder));
}
