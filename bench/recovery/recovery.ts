import type { BenchOptions } from '../options.ts';
import { Together } from '../../test/support/ending.ts';
import { startFleet, type Fleet } from '../../test/support/built-fleet.ts';
import { startLone, startLoneWorker, startTimeMs, tinyModel } from '../lone-daemon.ts';
import type { Findings, Row, Table } from '../findings.ts';
import { median } from '../statistics.ts';
import { freshWorker, killQueen, killQueenOfCommand, loseHive, loseWorker } from './kills.ts';

/** Each kill so often, whatever is asked for: the worst of fewer says little. */
const LEAST_RUNS = 5;
const FREEZE_RUNS = 3;
/** A silence of this length is what a frozen process is known by. */
const SILENCE_MS = 8_000;
/** To be noticed, ended, started again and caught up with. */
const FREEZE_AIM_MS = SILENCE_MS + 2_000;

export async function benchRecovery({ runs }: BenchOptions): Promise<Findings> {
  await using together = new Together();
  const fleet = together.add(await startFleet());
  await freshWorker(fleet);
  const tables = [await killTable(fleet, Math.max(runs, LEAST_RUNS)), await freezeTable(fleet, FREEZE_RUNS)];
  return { title: 'Recovery', tables };
}

async function killTable(fleet: Fleet, runs: number): Promise<Table> {
  const alone = {
    queen: await startTimeMs((home) => startLone('queen', home), runs),
    hive: await startTimeMs((home) => startLone('hive', home), runs),
    worker: await startTimeMs((home) => startLoneWorker({ home, modelPath: tinyModel, slots: 4 }), runs),
  };
  const queen = await times(runs, () => killQueen(fleet));
  const command = await times(runs, () => killQueenOfCommand(fleet));
  const hive = await times(runs, () => loseHive(fleet, 'SIGKILL'));
  const worker = await times(runs, () => loseWorker(fleet, 'SIGKILL'));
  const rows = [
    ...rowsOf('queen killed, `rbee queen start`: next token', queen, alone.queen),
    ...rowsOf('queen killed, `rbee infer` restarts it: next token', command, alone.queen),
    ...rowsOf('hive killed: next token', hive, alone.hive),
    ...rowsOf(
      'worker killed: its client gets the failure',
      worker.map(({ toldMs }) => toldMs),
    ),
    ...rowsOf(
      'worker killed: first token of the next request',
      worker.map(({ nextTokenMs }) => nextTokenMs),
      alone.worker,
    ),
  ];
  return { title: 'After kill -9, in the middle of an answer', beside: 'start of the process alone', rows, how: KILL_HOW };
}

const KILL_HOW =
  'From the kill to the next token that arrives at a client which streams one answer of the model `tiny` and reconnects at once. ' +
  'Beside it, the same process started alone: queen and hive until their first 200 on `/health`, the worker until its model is loaded. ' +
  'What comes on top: that the death is noticed, that a command starts who starts the queen, and that the answer is taken up again.';

async function freezeTable(fleet: Fleet, runs: number): Promise<Table> {
  const hive = await times(runs, () => loseHive(fleet, 'SIGSTOP'));
  const worker = await times(runs, () => loseWorker(fleet, 'SIGSTOP'));
  const rows = [
    ...rowsOf('hive frozen: next token', hive, SILENCE_MS),
    ...rowsOf(
      'worker frozen: its client gets the failure',
      worker.map(({ toldMs }) => toldMs),
      SILENCE_MS,
    ),
    ...rowsOf(
      'worker frozen: first token of the next request',
      worker.map(({ nextTokenMs }) => nextTokenMs),
      SILENCE_MS,
    ),
  ].map((row): Row => ({ ...row, aim: { of: 'figure', atMost: FREEZE_AIM_MS } }));
  return { title: 'After SIGSTOP, in the middle of an answer', beside: 'the silence that tells it', rows, how: FREEZE_HOW };
}

const FREEZE_HOW =
  'The same for a process that stops without ending. It is known by its silence, four pings of two seconds each; then it is ended and replaced.';

async function times<T>(runs: number, run: () => Promise<T>): Promise<T[]> {
  const results: T[] = [];
  for (let count = 0; count < runs; count += 1) results.push(await run());
  return results;
}

function rowsOf(what: string, timesMs: number[], beside?: number): Row[] {
  const rows = [
    { what: `${what}, median`, unit: 'ms', ours: median(timesMs), beside },
    { what: `– worst of ${timesMs.length}`, unit: 'ms', ours: Math.max(...timesMs), beside },
  ];
  for (const { what, ours } of rows) console.log(`  ${what}: ${ours.toFixed(0)} ms, beside ${beside?.toFixed(0) ?? 'nothing'}`);
  return rows;
}
