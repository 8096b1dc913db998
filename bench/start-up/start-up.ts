import { dirname, join } from 'node:path';
import type { BenchOptions } from '../options.ts';
import { Together } from '../../test/support/ending.ts';
import { entry, startFleet, type Fleet } from '../../test/support/built-fleet.ts';
import { startLone, startLoneWorker, startTimeMs, tinyModel } from '../lone-daemon.ts';
import type { Aim, Findings, Row, Table } from '../findings.ts';
import { median } from '../statistics.ts';
import { timeProgram, type Timed } from './time-program.ts';

const VERSION_RUNS = 21;
const WARM_RUNS = 15;
/** Each takes some seconds. */
const COLD_RUNS = 5;
const launcher = join(dirname(dirname(entry)), 'rbee');
const PROMPT = 'What does a bee do?';
const INFER = ['infer', PROMPT, '--max-tokens', '1', '--temperature', '0', '-q'];
const REQUEST = { operation: 'infer', prompt: PROMPT, max_tokens: 1, temperature: 0 };

/** How long a person waits, from the command line. */
export async function benchStartUp({ runs }: BenchOptions): Promise<Findings> {
  await using together = new Together();
  const fleet = together.add(await startFleet());
  // Node 20 reads these certificates at every start, whether it needs them or not.
  const { NODE_EXTRA_CA_CERTS: _certificates, ...env } = fleet.env;
  const timed = { ...fleet, env };
  return {
    title: 'From the command line',
    tables: [
      await versionTable(timed),
      await warmTable(timed),
      await coldTable(timed, Math.max(runs, COLD_RUNS)),
      await spawnTable(timed, Math.max(runs, COLD_RUNS)),
    ],
  };
}

async function versionTable({ env }: Fleet): Promise<Table> {
  const programs: Record<string, () => Promise<Timed>> = {
    bare: () => timeProgram(process.execPath, ['-e', '0'], env),
    built: () => timeProgram(process.execPath, [entry, '--version'], env),
    launcher: () => timeProgram(launcher, ['--version'], env),
  };
  const { bare = [], built = [], launcher: launched = [] } = await inTurn(programs, VERSION_RUNS);
  const beside = median(totals(bare));
  const rows = [
    row('`node dist/rbee.js --version`', median(totals(built)), beside),
    row('`./rbee --version`', median(totals(launched)), beside),
  ];
  const how = `From the spawn to the end, median of ${VERSION_RUNS}, in turn. \`./rbee\` is the launcher of a clone, which looks first whether anything must be built.`;
  return { title: 'A command that does nothing', beside: '`node -e 0`', rows, how };
}

async function warmTable({ env, queenPort }: Fleet): Promise<Table> {
  const client = join(import.meta.dirname, 'start-up', 'client-process.js');
  const programs: Record<string, () => Promise<Timed>> = {
    ours: () => timeProgram(process.execPath, [entry, ...INFER], env),
    bare: () => timeProgram(process.execPath, [client, String(queenPort), JSON.stringify(REQUEST)], env),
  };
  await inTurn(programs, 2);
  const { ours = [], bare = [] } = await inTurn(programs, WARM_RUNS);
  const rows = [
    row('first token', median(firsts(ours)), median(firsts(bare))),
    row('end of the command', median(totals(ours)), median(totals(bare))),
  ];
  const how = `\`rbee infer … --max-tokens 1\` while everything runs and the model \`tiny\` is loaded, median of ${WARM_RUNS}. Beside it, a script of thirty lines that asks the same queen with nothing but node:http.`;
  return { title: '`rbee infer`, warm', beside: 'a bare script', rows, how };
}

async function coldTable(fleet: Fleet, runs: number): Promise<Table> {
  const starts = [
    (home: string) => startLone('queen', home),
    (home: string) => startLone('hive', home),
    (home: string) => startLoneWorker({ home, modelPath: tinyModel, slots: 4 }),
  ];
  const alone: number[] = [];
  for (const start of starts) alone.push(await startTimeMs(start, runs));
  const beside = alone.reduce((sum, ms) => sum + ms, 0);
  const timed: Timed[] = [];
  for (let run = 0; run < runs; run += 1) {
    await fleet.rbee(['down']);
    timed.push(await timeProgram(launcher, INFER, fleet.env));
  }
  const rows = [
    { ...row('first token', median(firsts(timed)), beside), aim: atMost(1200) },
    row('end of the command', median(totals(timed)), beside),
  ];
  const how = `\`./rbee infer … --max-tokens 1\` while nothing runs, after \`rbee down\`, median of ${runs}: the command starts the queen, the queen the hive, and the hive a worker, which loads the model. Beside it, these three processes started alone, one after the other (${alone.map((ms) => `${ms.toFixed(0)} ms`).join(', ')}).`;
  return { title: '`rbee infer`, cold', beside: 'its three daemons alone', rows, how };
}

/** In a home in which the engine's binary was tried before. */
async function spawnTable(fleet: Fleet, runs: number): Promise<Table> {
  const beside = await startTimeMs((home) => startLoneWorker({ home, modelPath: tinyModel, slots: 4 }), runs);
  const timed: Timed[] = [];
  for (let run = 0; run < runs; run += 1) {
    const { workers } = await fleet.result<{ workers: { worker_id: string }[] }>(['worker', 'list']);
    for (const { worker_id } of workers) await fleet.rbee(['worker', 'delete', worker_id]);
    timed.push(await timeProgram(launcher, ['worker', 'spawn', '--model', 'tiny'], fleet.env));
  }
  const rows = [{ ...row('end of the command', median(totals(timed)), beside), aim: atMost(500) }];
  const how = `\`./rbee worker spawn --model tiny\` while queen and hive run, median of ${runs}. Beside it, the worker's process started alone, until its model is loaded.`;
  return { title: '`rbee worker spawn`', beside: 'the worker alone', rows, how };
}

/** One of each, again and again: what disturbs the machine disturbs all of them. */
async function inTurn(programs: Record<string, () => Promise<Timed>>, runs: number): Promise<Record<string, Timed[]>> {
  const timed: Record<string, Timed[]> = {};
  for (let run = 0; run < runs; run += 1) {
    for (const [name, program] of Object.entries(programs)) (timed[name] ??= []).push(await program());
  }
  return timed;
}

const totals = (timed: Timed[]) => timed.map(({ totalMs }) => totalMs);
const firsts = (timed: Timed[]) => timed.map(({ firstMs }) => firstMs);

const atMost = (ms: number): Aim => ({ of: 'figure', atMost: ms });

function row(what: string, ours: number, beside: number): Row {
  console.log(`  ${what}: ${ours.toFixed(0)} ms, beside ${beside.toFixed(0)} ms`);
  return { what, unit: 'ms', ours, beside };
}
