import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import type { Explanation, Health, OutputOf } from '../../src/contract/index.ts';
import type { BenchOptions } from '../options.ts';
import { startChild, type Child } from '../child.ts';
import { temporaryFolder, Together } from '../../test/support/ending.ts';
import { startLone, type LoneDaemon } from '../lone-daemon.ts';
import { modelName, WORKERS_A_HIVE } from '../placement/fleets.ts';
import { cpuTimeNs, residentBytes } from '../../test/support/process-usage.ts';
import type { Aim, Findings, Row, Table } from '../findings.ts';
import { median, percentile } from '../statistics.ts';
import { askQueen } from './ask-queen.ts';
import type { HivesQuestion, Reported } from './hives-process.ts';

const HIVES = [10, 100, 1_000];
const LINES_PER_SECOND = 2_000;
const QUESTIONS = 20;
/** Registrations at once. */
const AT_ONCE = 8;
const HEARD_DEADLINE_MS = 60_000;
const POLL_MS = 20;

type Status = OutputOf<'status'>;

/** Of one size of fleet. Milliseconds, megabytes, and percent of a core. */
interface Figures {
  hives: number;
  createMs: number;
  heardMs: Beside;
  cpuPercent: Beside;
  residentMb: Beside;
  statusMs: number[];
  statusMb: number;
  explainMs: number[];
}

interface Beside {
  ours: number;
  bare: number;
}

/** What a queen costs, and how fast it is, as its fleet grows. */
export async function benchScale(options: BenchOptions): Promise<Findings> {
  const all: Figures[] = [];
  for (const hives of HIVES) {
    const figures = await figuresOf(hives, options);
    all.push(figures);
    print(figures);
  }
  return { title: 'A growing fleet', tables: [startTable(all), intakeTable(all), questionsTable(all)] };
}

async function figuresOf(hives: number, { runs, seconds, nodeFlags }: BenchOptions): Promise<Figures> {
  await using together = new Together();
  const home = together.add(await temporaryFolder());
  const fleet = together.add(await startChild('scale/hives'));
  const first = await startLone('queen', home.path, nodeFlags);
  const ports = await ask<number[]>(fleet, { kind: 'open', hives, version: await versionOf(first.port) });
  const createMs = median(await registerAll(first.port, ports));
  await heard(first.port, hives);
  await first[Symbol.asyncDispose]();

  const bare: number[] = [];
  const ours: number[] = [];
  for (let run = 1; run <= runs; run += 1) {
    const [startedAt, reader] = [performance.now(), await startChild('scale/reader')];
    await reader.ask({ ports });
    bare.push(performance.now() - startedAt);
    await reader[Symbol.asyncDispose]();
    const restartedAt = performance.now();
    const queen = await startLone('queen', home.path, nodeFlags);
    await heard(queen.port, hives);
    ours.push(performance.now() - restartedAt);
    await queen[Symbol.asyncDispose]();
  }
  const heardMs = { ours: median(ours), bare: median(bare) };

  const reader = together.add(await startChild('scale/reader', { nodeFlags }));
  await reader.ask({ ports });
  const queen = together.add(await startLone('queen', home.path, nodeFlags));
  await heard(queen.port, hives);
  const cpu: Beside[] = [];
  for (let run = 1; run <= runs; run += 1) cpu.push(await intake({ fleet, queen, reader }, { seconds, hives }));
  const cpuPercent = { ours: median(cpu.map((one) => one.ours)), bare: median(cpu.map((one) => one.bare)) };
  const answers = await questions({ fleet, queen }, { runs });
  const residentMb = { ours: residentBytes(queen.pid) / 1e6, bare: residentBytes(reader.pid) / 1e6 };
  return { hives, createMs, heardMs, cpuPercent, residentMb, ...answers };
}

function ask<T>(fleet: Child, question: HivesQuestion): Promise<T> {
  return fleet.ask<T>(question);
}

async function versionOf(port: number): Promise<string> {
  return ((await (await fetch(`http://127.0.0.1:${port}/health`)).json()) as Health).version;
}

/** @returns how long each took */
async function registerAll(queenPort: number, ports: readonly number[]): Promise<number[]> {
  const timesMs: number[] = [];
  const left = [...ports.entries()];
  const inTurn = async () => {
    for (let next = left.shift(); next !== undefined; next = left.shift()) {
      const [at, port] = next;
      const request = { operation: 'hive_create', hive_id: `hive-${at}`, host: '127.0.0.1', port };
      timesMs.push((await askQueen(queenPort, request)).ms);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, inTurn));
  return timesMs;
}

/** Resolves when the queen says that all run, with all of their workers. */
async function heard(port: number, hives: number): Promise<void> {
  const deadline = Date.now() + HEARD_DEADLINE_MS;
  for (;;) {
    const { output } = await askQueen<Status>(port, { operation: 'status' });
    const running = output.hives.filter(({ state }) => state === 'running').length;
    if (running === hives && output.workers.length === hives * WORKERS_A_HIVE) return;
    assert(Date.now() < deadline, `only ${running} of ${hives} hives are heard`);
    await delay(POLL_MS);
  }
}

function print({ hives, createMs, heardMs, cpuPercent, residentMb, statusMs, explainMs }: Figures): void {
  const shown = [heardMs.ours, createMs, cpuPercent.ours, residentMb.ours, median(statusMs), median(explainMs)];
  const [heardIn, create, cpu, resident, status, explain] = shown.map((figure) => figure.toFixed(1));
  console.log(`  ${hives} hives: heard after ${heardIn} ms, registered in ${create} ms, ${cpu} % of a core, ${resident} MB`);
  console.log(`  ${hives} hives: status ${status} ms, explain ${explain} ms`);
}

interface Processes {
  fleet: Child;
  queen: LoneDaemon;
}

/** CPU of queen and reader, in percent of a core, while workers report; the queen has then heard every one of them. */
async function intake(
  { fleet, queen, reader }: Processes & { reader: Child },
  { seconds, hives }: { seconds: number; hives: number },
): Promise<Beside> {
  const before = { at: performance.now(), ours: cpuTimeNs(queen.pid), bare: cpuTimeNs(reader.pid) };
  const { sum } = await ask<Reported>(fleet, { kind: 'report', linesPerSecond: LINES_PER_SECOND, seconds });
  const elapsedNs = (performance.now() - before.at) * 1e6;
  assert(elapsedNs < seconds * 1.1e9, 'the hives were slower than they should be');
  const percent = (pid: number, from: number) => ((cpuTimeNs(pid) - from) / elapsedNs) * 100;
  const cpu = { ours: percent(queen.pid, before.ours), bare: percent(reader.pid, before.bare) };
  const { output } = await askQueen<Status>(queen.port, { operation: 'status' });
  assert.equal(output.workers.length, hives * WORKERS_A_HIVE);
  const known = output.workers.reduce((total, { tokens_per_s = 0 }) => total + tokens_per_s, 0);
  assert.equal(known, sum, 'the queen has not heard all reports');
  return cpu;
}

/** One after the other, while workers go on reporting. */
async function questions(
  { fleet, queen: { port } }: Processes,
  { runs }: { runs: number },
): Promise<Pick<Figures, 'statusMs' | 'statusMb' | 'explainMs'>> {
  const [statusMs, explainMs] = [[] as number[], [] as number[]];
  let statusMb = 0;
  for (let run = 1; run <= runs; run += 1) {
    const reporting = ask<Reported>(fleet, { kind: 'report', linesPerSecond: LINES_PER_SECOND, seconds: 3 });
    for (let n = 0; n < QUESTIONS; n += 1) {
      const status = await askQueen<Status>(port, { operation: 'status' });
      statusMs.push(status.ms);
      statusMb = status.sizeBytes / 1e6;
      const { ms, output } = await askQueen<Explanation>(port, { operation: 'explain', prompt: 'Hi', model: modelName(n) });
      assert.equal(output.decision, 'worker', output.says);
      explainMs.push(ms);
    }
    await reporting;
  }
  return { statusMs, statusMb, explainMs };
}

const sizeOf = (hives: number) =>
  `${hives.toLocaleString('en-US')} hives, ${(hives * WORKERS_A_HIVE).toLocaleString('en-US')} workers`;

const BARE = 'bare reader';

function startTable(all: readonly Figures[]): Table {
  const rows = all.flatMap(({ hives, createMs, heardMs }): Row[] => [
    { what: `${sizeOf(hives)}: all are heard`, unit: 'ms', ours: heardMs.ours, beside: heardMs.bare },
    { what: '– a hive is registered, p50', unit: 'ms', ours: createMs },
  ]);
  const how =
    'From the start of the process of a queen that knows the hives from before, until `status` says that all of them run, with all their workers. ' +
    'Beside it, from the start of a bare Node process that opens the same connections until each has said all of it once. ' +
    `Each hive has a CPU, four GPUs, ${WORKERS_A_HIVE} workers and twenty models on its disk; all of them are one process that says what hives say, and does nothing else. ` +
    `A registration is a \`hive_create\` job from its POST to its result, ${AT_ONCE} at once, in the fleet as it grows to this size.`;
  return { title: 'After a restart of the queen', beside: BARE, rows, how };
}

function intakeTable(all: readonly Figures[]): Table {
  const rows = all.flatMap(({ hives, cpuPercent, residentMb }): Row[] => [
    { what: `${sizeOf(hives)}: CPU, of a core`, unit: '%', ours: cpuPercent.ours, beside: cpuPercent.bare, aim: atMost(25) },
    { what: '– resident memory', unit: 'MB', ours: residentMb.ours, beside: residentMb.bare, aim: atMost(500) },
  ]);
  const how =
    `${LINES_PER_SECOND.toLocaleString('en-US')} reports of workers a second over all hives, and beside them what hives say anyway: a report of the machine every five seconds and a ping every two. ` +
    'All threads of the process count; its memory is read after all of this, the questions of the next table included. ' +
    'After each run the bench checks that the queen has the last report of every worker. Beside it, the bare process that reads the same lines, parses them as JSON and keeps the last of each worker.';
  return { title: 'Listening to the fleet', beside: BARE, rows, how };
}

function questionsTable(all: readonly Figures[]): Table {
  const rows = all.flatMap(({ hives, statusMs, explainMs }): Row[] => [
    { what: `${sizeOf(hives)}: \`status\`, p50`, unit: 'ms', ours: median(statusMs), aim: atMost(200) },
    { what: '– `status`, p99', unit: 'ms', ours: percentile(statusMs, 0.99) },
    { what: '– `explain`, p50', unit: 'ms', ours: median(explainMs) },
    { what: '– `explain`, p99', unit: 'ms', ours: percentile(explainMs, 0.99) },
  ]);
  const sizes = all.map(({ hives, statusMb }) => `${statusMb.toPrecision(2)} MB for ${hives.toLocaleString('en-US')} hives`);
  const how =
    `From the POST of the job to the end of its stream, one after the other, while ${LINES_PER_SECOND.toLocaleString('en-US')} reports a second come in. ` +
    `The answer of \`status\` names every hive, worker and model: ${sizes.join(', ')}. ` +
    'What a decision alone takes, and how that grows, is in the section “Placement”.';
  return { title: 'Asking the queen', beside: 'nothing', rows, how };
}

function atMost(limit: number): Aim {
  return { of: 'figure', atMost: limit };
}
