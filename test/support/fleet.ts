import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { transform } from 'esbuild';
import type { OutputOf, Worker } from '../../src/contract/index.ts';
import { testHosts, type HostNet } from './hosts.ts';
import { run } from './streams.ts';
import { testSwarm, type Swarm } from './swarm.ts';

type Status = OutputOf<'status'>;

/** A queen, and machines that it reaches over SSH. */
export interface Fleet<Name extends string = string> extends AsyncDisposable {
  net: HostNet<Name>;
  swarm: Swarm;
  status(): Promise<Status>;
  hive(hiveId: string): Promise<Status['hives'][number] | undefined>;
  workersOf(hiveId: string): Promise<Worker[]>;
}

export async function testFleet<Name extends string>(names: readonly Name[]): Promise<Fleet<Name>> {
  const net = await testHosts(names);
  const swarm = await testSwarm({ through: net.through });
  const status = async () => JSON.parse((await run(swarm, 'status')).last.json) as Status;
  return {
    net,
    swarm,
    status,
    hive: async (hiveId) => (await status()).hives.find(({ hive_id }) => hive_id === hiveId),
    workersOf: async (hiveId) => (await status()).workers.filter(({ hive_id }) => hive_id === hiveId),
    async [Symbol.asyncDispose]() {
      try {
        await swarm[Symbol.asyncDispose]();
      } finally {
        await net[Symbol.asyncDispose]();
      }
    },
  };
}

/** Sends ssh's traffic to the host through a slow connection: bytes per millisecond, with a delay. @returns makes it fast again */
export async function slowLine(
  net: HostNet,
  name: string,
  line: { rate: number; delayMs: number },
): Promise<() => Promise<void>> {
  const source = await readFile(fileURLToPath(new URL('../hosts/fixtures/slow-line.ts', import.meta.url)), 'utf8');
  const program = join(net.home, 'slow-line.mjs');
  await writeFile(program, (await transform(source, { loader: 'ts', format: 'esm' })).code);
  const config = join(net.home, '.ssh', 'config');
  const entry = `Host ${name}\n  ProxyCommand ${process.execPath} ${program} %h %p ${line.rate} ${line.delayMs}\n`;
  const direct = await readFile(config, 'utf8');
  await writeFile(config, `${entry}${direct}`);
  return () => writeFile(config, direct);
}
