import { setTimeout as delay } from 'node:timers/promises';
import { KEPT_JOBS_LIMIT } from '../../src/jobs/index.ts';
import { startChild, type Child } from '../child.ts';
import { residentBytes } from '../../test/support/process-usage.ts';
import type { Posted, PostQuestion } from '../create-job/client-process.ts';
import { temporaryFolder, Together } from '../../test/support/ending.ts';
import { startFleet, type Fleet } from '../../test/support/built-fleet.ts';
import type { Plan } from '../hops/plan.ts';
import type { Findings, Row, Table } from '../findings.ts';
import type { HoldQuestion } from './holder-process.ts';

const STREAMS = 1000;
const FINISHED_JOBS = 100_000;
/** Long enough for what just ended to be collected, or not. */
const SETTLE_MS = 5_000;
const FINISH_DEADLINE_S = 300;

/** Resident memory of the daemons, beside that of Node itself. */
export async function benchMemory(): Promise<Findings> {
  return { title: 'Memory', tables: [await idleTable(), await streamsTable(), await finishedTable()] };
}

async function idleTable(): Promise<Table> {
  await using together = new Together();
  const bare = together.add(await startChild('memory/idle'));
  const fleet = together.add(await startFleet());
  const { port } = await fleet.result<{ port: number }>(['worker', 'spawn', '--model', 'tiny']);
  await delay(SETTLE_MS);
  const beside = megabytes(bare.pid);
  const ports = { queen: fleet.queenPort, hive: fleet.hivePort, 'worker with the model `tiny`': port };
  const rows: Row[] = [];
  for (const [what, at] of Object.entries(ports))
    rows.push(noted({ what, unit: 'MB', ours: megabytes(await pidAt(at)), beside }));
  const how =
    'Resident memory of the built processes with nothing to do, a few seconds after their start; beside each, a Node process that does nothing at all.';
  return { title: 'Idle processes', beside: 'bare Node', rows, how };
}

async function streamsTable(): Promise<Table> {
  await using together = new Together();
  const bare = together.add(await startChild('bare', { args: ['{}'] }));
  const fleet = together.add(await startFleet());
  await registerSilentHive(together, fleet);
  const holder = together.add(await startChild('memory/holder'));
  const plan: Plan = { kind: 'paced', ratePerSecond: 1, phase: 0 };
  const request = { operation: 'infer', hive_id: SILENT_HIVE, prompt: JSON.stringify(plan) };
  const ours = await grown(await pidAt(fleet.queenPort), () =>
    hold(holder, { port: fleet.queenPort, request, streams: STREAMS }),
  );
  const port = await bare.ask<number>({});
  const beside = await grown(bare.pid, () => hold(holder, { port, request, streams: STREAMS }));
  const what = `${STREAMS} open streams, above idle`;
  const how =
    'What the resident memory of an idle queen grows by when so many requests run, each with a reader of its stream, and nothing is said. ' +
    'The queen has as many streams open to a hive; beside it, a bare node:http server that holds as many responses open and has none of the other side.';
  return {
    title: 'Open streams at the queen',
    beside: 'bare node:http',
    rows: [noted({ what, unit: 'MB', ours, beside, aim: { of: 'figure', atMost: 60 } })],
    how,
  };
}

async function finishedTable(): Promise<Table> {
  await using together = new Together();
  const bare = together.add(await startChild('bare', { args: ['{}'] }));
  const fleet = together.add(await startFleet());
  const client = together.add(await startChild('create-job/client'));
  const port = await bare.ask<number>({});
  const ours = await grown(await pidAt(fleet.queenPort), () => finishJobs(client, fleet.queenPort));
  const beside = await grown(bare.pid, () => finishJobs(client, port));
  const what = `${FINISHED_JOBS.toLocaleString('en-US')} finished jobs, above idle`;
  const how =
    `What the resident memory of an idle queen grows by when it has run so many \`hive_list\`, 64 at a time. Ended jobs are kept on disk, at most ${KEPT_JOBS_LIMIT.toLocaleString('en-US')} of them, ` +
    'so most have expired, or are about to; what is left is what the requests themselves made the process grow to. Beside it, a bare node:http server after as many requests.';
  return { title: 'A queen with a past', beside: 'bare node:http', rows: [noted({ what, unit: 'MB', ours, beside })], how };
}

const SILENT_HIVE = 'silent';

/** A hive, and a worker below it, that takes every request and says nothing. */
async function registerSilentHive(together: Together, fleet: Fleet): Promise<void> {
  const worker = together.add(await startChild('hops/worker'));
  const folder = together.add(await temporaryFolder());
  const workerPort = await worker.ask<number>({ kind: 'port' });
  const hive = together.add(await startChild('hops/relay', { args: ['hive', String(workerPort), folder.path] }));
  const port = await hive.ask<number>({});
  await fleet.result(['hive', 'create', SILENT_HIVE, '--host', '127.0.0.1', '--port', String(port)]);
}

async function grown(pid: number, work: () => Promise<unknown>): Promise<number> {
  await delay(SETTLE_MS);
  const before = megabytes(pid);
  await work();
  await delay(SETTLE_MS);
  return megabytes(pid) - before;
}

function hold(holder: Child, question: HoldQuestion): Promise<unknown> {
  return holder.ask(question);
}

function finishJobs(client: Child, port: number): Promise<Posted> {
  const limit = { requests: FINISHED_JOBS, seconds: FINISH_DEADLINE_S };
  return client.ask<Posted>({ port, request: { operation: 'hive_list' }, connections: 64, limit } satisfies PostQuestion);
}

async function pidAt(port: number): Promise<number> {
  const response = await fetch(`http://127.0.0.1:${port}/health`);
  return ((await response.json()) as { pid: number }).pid;
}

function megabytes(pid: number): number {
  return residentBytes(pid) / 1e6;
}

function noted(row: Row): Row {
  console.log(`  ${row.what}: ${row.ours.toFixed(1)} ${row.unit}, beside ${row.beside?.toFixed(1) ?? 'nothing'}`);
  return row;
}
