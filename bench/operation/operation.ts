import type { BareOptions } from '../bare-process.ts';
import type { BenchOptions } from '../options.ts';
import { startChild, type Child } from '../child.ts';
import { Together } from '../../test/support/ending.ts';
import { startFleet } from '../../test/support/built-fleet.ts';
import type { Aim, Findings, Row } from '../findings.ts';
import { percentile } from '../statistics.ts';
import type { RunQuestion } from './client-process.ts';

const REQUEST = { operation: 'worker_list' };
const JOBS = 300;
const WARM_UP_JOBS = 200;
const LOADS = [
  { name: 'one after the other', atOnce: 1, aim: { of: 'figure', atMost: 3 } satisfies Aim },
  { name: '8 at once', atOnce: 8, aim: undefined },
];

/** A small operation through queen and hive as they are built, beside two bare HTTP servers in their places. */
export async function benchOperation({ runs }: BenchOptions): Promise<Findings> {
  await using together = new Together();
  const fleet = together.add(await startFleet());
  const below = together.add(await startBare({ stream: await streamOf(fleet.queenPort) }));
  const bare = together.add(await startBare({ upstreamPort: await below.ask<number>({}) }));
  const client = together.add(await startChild('operation/client'));
  const ports = { ours: fleet.queenPort, bare: await bare.ask<number>({}) };
  for (const port of Object.values(ports)) await time(client, { port, jobs: WARM_UP_JOBS, atOnce: 1 });

  const rows: Row[] = [];
  for (const { name, atOnce, aim } of LOADS) {
    const timesMs = { ours: [] as number[], bare: [] as number[] };
    for (let round = 0; round < runs; round += 1) {
      for (const which of ['ours', 'bare'] as const) {
        timesMs[which].push(...(await time(client, { port: ports[which], jobs: JOBS, atOnce })));
      }
    }
    for (const share of [0.5, 0.99]) {
      const [ours, beside] = [percentile(timesMs.ours, share), percentile(timesMs.bare, share)];
      const what = `${name}: p${share * 100}`;
      rows.push({ what, unit: 'ms', ours, beside, ...(share === 0.5 && aim !== undefined ? { aim } : {}) });
      console.log(`  ${what} ${ours.toFixed(2)} ms, bare ${beside.toFixed(2)} ms`);
    }
  }
  return {
    title: 'A small operation, end to end',
    tables: [{ title: '`worker_list` through queen and hive', beside: 'two bare node:http', rows, how: HOW }],
  };
}

const HOW =
  'From the POST at the queen to the arrival of the terminal event, over one new connection a job; queen and hive are the built processes with their durable logs. ' +
  'Beside them, two bare node:http servers: the first passes both calls on to the second, which answers the same JSON.';

/** What the queen says to one such job: what the bare chain answers as well. */
async function streamOf(port: number): Promise<string> {
  const url = `http://127.0.0.1:${port}`;
  const headers = { 'content-type': 'application/json' };
  const posted = await fetch(`${url}/v1/jobs`, { method: 'POST', headers, body: JSON.stringify(REQUEST) });
  const { sse_url } = (await posted.json()) as { sse_url: string };
  return (await fetch(url + sse_url)).text();
}

function startBare(options: BareOptions): Promise<Child> {
  return startChild('bare', { args: [JSON.stringify(options)] });
}

function time(client: Child, question: Omit<RunQuestion, 'request'>): Promise<number[]> {
  return client.ask<number[]>({ ...question, request: REQUEST } satisfies RunQuestion);
}
