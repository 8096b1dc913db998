import type { BenchOptions } from '../options.ts';
import { startChild, type Child } from '../child.ts';
import { cpuTimeNs } from '../../test/support/process-usage.ts';
import { temporaryFolder, Together } from '../../test/support/ending.ts';
import { pin } from '../pin.ts';
import type { Findings, Row } from '../findings.ts';
import { median } from '../statistics.ts';
import type { Posted, PostQuestion } from './client-process.ts';

const CONNECTIONS = 64;
const REQUEST = { operation: 'worker_list' };

interface Rate {
  perSecond: number;
  cpuUs: number;
}

/** What it costs to make a job durable and start it, beside an HTTP server that only answers. */
export async function benchCreateJob({ runs, seconds, nodeFlags }: BenchOptions): Promise<Findings> {
  await using together = new Together();
  const client = together.add(await startChild('create-job/client'));
  const folder = together.add(await temporaryFolder());
  const servers = {
    disk: together.add(await startChild('create-job/server', { args: [folder.path], nodeFlags })),
    memory: together.add(await startChild('create-job/server', { nodeFlags })),
    bare: together.add(await startChild('bare')),
  };
  pin(client.pid, 1);
  for (const { pid } of Object.values(servers)) pin(pid, 0);
  const found: Record<keyof typeof servers, Rate[]> = { disk: [], memory: [], bare: [] };
  for (const server of Object.values(servers)) await measure(client, server, 1);
  for (let round = 0; round < runs; round += 1) {
    for (const name of ['disk', 'memory', 'bare'] as const) {
      const rate = await measure(client, servers[name], seconds);
      found[name].push(rate);
      console.log(`  ${name}: ${rate.perSecond.toFixed(0)} requests/s, ${rate.cpuUs.toFixed(1)} µs of CPU each`);
    }
  }
  const rows = [...rowsOf('log and catalog on disk', found.disk, found.bare), ...rowsOf('in memory', found.memory, found.bare)];
  return {
    title: 'Making a job',
    tables: [{ title: `POST /v1/jobs, ${CONNECTIONS} connections`, beside: 'bare node:http', rows, how: HOW }],
  };
}

const HOW =
  'The job server makes the job durable (its log, its record), answers with its id, runs an operation that has nothing to do and stores its end; ' +
  'bare node:http reads the same body and answers the same JSON. Server and client have a core each; the client is a raw socket a connection, ' +
  'which sends its next request when the last answer is there. In memory, as in a worker, ended jobs pile up until the next expiry, and the longer, the slower. Medians of runs that take turns.';

async function measure(client: Child, server: Child, seconds: number): Promise<Rate> {
  const question: PostQuestion = {
    port: await server.ask<number>({}),
    request: REQUEST,
    connections: CONNECTIONS,
    limit: { requests: Number.MAX_SAFE_INTEGER, seconds },
  };
  const before = cpuTimeNs(server.pid);
  const posted = await client.ask<Posted>(question);
  return { perSecond: posted.requests / posted.seconds, cpuUs: (cpuTimeNs(server.pid) - before) / 1000 / posted.requests };
}

function rowsOf(name: string, ours: Rate[], bare: Rate[]): Row[] {
  const of = (figure: (rate: Rate) => number) => ({ ours: median(ours.map(figure)), beside: median(bare.map(figure)) });
  return [
    { what: `${name}: requests`, unit: '/s', ...of(({ perSecond }) => perSecond) },
    { what: `${name}: CPU a request`, unit: 'µs', ...of(({ cpuUs }) => cpuUs) },
  ];
}
