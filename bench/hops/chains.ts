import { startChild, type Child } from '../child.ts';
import type { Together } from '../../test/support/ending.ts';
import { temporaryFolder } from '../../test/support/ending.ts';
import { nginxProgram, startNginx } from '../nginx.ts';

/** A way from the worker to the reader. */
export interface Chain {
  kind: 'rbee' | 'rbee without a durable log' | 'nginx';
  hops: 1 | 2 | 3;
  port: number;
  /** The worker first, then each hop after it. */
  pids: number[];
}

/** Where a relay keeps its events. */
export type Logging = 'durable' | 'memory';

export interface Chains {
  worker: Child;
  chains: Chain[];
}

/** One worker; a hive and a queen before it; two nginx before it, unless nginx is missing. One hop is the same for both. */
export async function startChains(together: Together, { nodeFlags }: { nodeFlags: string[] }): Promise<Chains> {
  const worker = together.add(await startChild('hops/worker', { nodeFlags }));
  const direct: Chain = {
    kind: 'rbee',
    hops: 1,
    port: await worker.ask<number>({ kind: 'port' }),
    pids: [worker.pid],
  };
  const hive = await relayed('hive', direct);
  const queen = await relayed('queen', hive);
  // What durability costs: the same, with the events in memory.
  const unlogged = await relayed('queen', await relayed('hive', direct, 'memory'), 'memory');
  const chains: Chain[] = [direct, hive, queen, { ...unlogged, kind: 'rbee without a durable log' }];
  const program = nginxProgram();
  if (program !== undefined) {
    const first = await proxied(program, direct);
    chains.push(first, await proxied(program, first));
  }
  return { worker, chains };

  async function relayed(role: 'hive' | 'queen', below: Chain, logging: Logging = 'durable'): Promise<Chain> {
    const folder = together.add(await temporaryFolder());
    const args = [role, String(below.port), folder.path, logging];
    const relay = together.add(await startChild('hops/relay', { args, nodeFlags }));
    return { ...oneMore(below, relay.pid), kind: 'rbee', port: await relay.ask<number>({}) };
  }

  async function proxied(program: string, below: Chain): Promise<Chain> {
    const { port, pid } = together.add(await startNginx(program, below.port));
    return { ...oneMore(below, pid), kind: 'nginx', port };
  }
}

function oneMore({ hops, pids }: Chain, pid: number): Pick<Chain, 'hops' | 'pids'> {
  return { hops: hops === 1 ? 2 : 3, pids: [...pids, pid] };
}
