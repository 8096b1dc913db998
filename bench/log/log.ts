import { closeSync, openSync, readdirSync, readFileSync, readSync, writeSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { BenchOptions } from '../options.ts';
import { temporaryFolder } from '../../test/support/ending.ts';
import { openFileEventLog } from '../../src/jobs/index.ts';
import type { Findings } from '../findings.ts';
import { median } from '../statistics.ts';

const JOBS = 100;
const EVENTS_A_FLUSH = 5;
/** Each job then holds 200 events. */
const FLUSHES = 40;
/** Rounds of each kind, for every run that is asked for: one is over in a tenth of a second. */
const ROUNDS_A_RUN = 5;
const READ_BYTES = 64 * 1024;

type EventLog = ReturnType<typeof openFileEventLog>;
type Event = Parameters<EventLog['append']>[1][number];

interface Round {
  eventsPerSecond: number;
  replayUs: number;
}

/** The log of events, beside the system calls that it cannot do without. */
export async function benchLog({ runs }: BenchOptions): Promise<Findings> {
  await using folder = await temporaryFolder();
  const found = { ours: [] as Round[], bare: [] as Round[] };
  for (let round = 0; round < runs * ROUNDS_A_RUN; round += 1) {
    const own = join(folder.path, `ours-${round}`);
    const other = join(folder.path, `bare-${round}`);
    for (const path of [own, other]) await mkdir(path);
    const ours = runOurs(own);
    const bare = runBare(other, linesOf(own));
    // The first round is the just-in-time compiler's.
    if (round === 0) continue;
    found.ours.push(ours);
    found.bare.push(bare);
  }
  const of = (figure: (round: Round) => number) => ({
    ours: median(found.ours.map(figure)),
    beside: median(found.bare.map(figure)),
  });
  const rows = [
    {
      what: `append, ${JOBS} jobs × ${EVENTS_A_FLUSH} events a flush`,
      unit: 'events/s',
      ...of((round) => round.eventsPerSecond),
    },
    { what: `replay of a job of ${FLUSHES * EVENTS_A_FLUSH} events`, unit: 'µs', ...of((round) => round.replayUs) },
  ];
  for (const { what, unit, ours, beside } of rows)
    console.log(`  ${what}: ${ours.toFixed(1)} ${unit}, bare ${beside.toFixed(1)} ${unit}`);
  return { title: 'The event log', tables: [{ title: 'One file a job', beside: 'bare fs', rows, how: HOW }] };
}

const HOW =
  'Token events are appended to the files of live jobs, without fsync, then every job is read from its first event. ' +
  'Beside it, fs.writeSync of the same bytes, already encoded, with the same number of calls to files that are open; and open, readSync of the whole file, close.';

function runOurs(folder: string): Round {
  const log = openFileEventLog(folder);
  const jobIds = Array.from({ length: JOBS }, (_, at) => `job-${at}`);
  const jobs = jobIds.map((job_id) => ({ job_id, operation: 'infer', correlation_id: 'bench', created_at: '' }));
  // The files are there before the clock runs.
  for (const job of jobs) log.append(job, eventsOf(0));
  const appendMs = timeMs(() => {
    for (let flush = 1; flush <= FLUSHES; flush += 1) for (const job of jobs) log.append(job, eventsOf(flush));
  });
  const replayMs = timeMs(() => {
    for (const jobId of jobIds) replay(log, jobId);
  });
  log.close();
  return asRound(appendMs, replayMs);
}

function eventsOf(flush: number): Event[] {
  return Array.from({ length: EVENTS_A_FLUSH }, (_, at) => ({
    seq: flush * EVENTS_A_FLUSH + at + 1,
    kind: 'token',
    json: '{"text":" honey"}',
    below: flush * EVENTS_A_FLUSH + at + 1,
  }));
}

function replay(log: EventLog, jobId: string): void {
  let cursor = { offset: 0, seq: 0 };
  for (;;) {
    const chunk = log.read(jobId, cursor);
    if (chunk.events.length === 0) return;
    cursor = chunk.cursor;
  }
}

/** What the log wrote, cut into one piece a flush for each job. */
function linesOf(folder: string): Buffer[][] {
  return readdirSync(folder).map((name) => {
    const lines = readFileSync(join(folder, name), 'utf8').trimEnd().split('\n').slice(1);
    const pieceOf = (flush: number) => lines.slice(flush * EVENTS_A_FLUSH, (flush + 1) * EVENTS_A_FLUSH);
    return Array.from({ length: FLUSHES }, (_, flush) => Buffer.from(`${pieceOf(flush).join('\n')}\n`));
  });
}

function runBare(folder: string, pieces: Buffer[][]): Round {
  const names = pieces.map((_, at) => join(folder, `job-${at}.ndjson`));
  const descriptors = names.map((name) => openSync(name, 'ax'));
  const appendMs = timeMs(() => {
    for (let flush = 0; flush < FLUSHES; flush += 1) {
      for (const [at, descriptor] of descriptors.entries()) writeSync(descriptor, pieces[at]?.[flush] ?? Buffer.alloc(0));
    }
  });
  for (const descriptor of descriptors) closeSync(descriptor);
  const replayMs = timeMs(() => {
    for (const name of names) readWhole(name);
  });
  return asRound(appendMs, replayMs);
}

function readWhole(name: string): void {
  const descriptor = openSync(name, 'r');
  const buffer = Buffer.allocUnsafe(READ_BYTES);
  for (let at = 0, length = 1; length > 0; at += length) length = readSync(descriptor, buffer, 0, READ_BYTES, at);
  closeSync(descriptor);
}

function asRound(appendMs: number, replayMs: number): Round {
  return { eventsPerSecond: (JOBS * FLUSHES * EVENTS_A_FLUSH) / (appendMs / 1000), replayUs: (replayMs * 1000) / JOBS };
}

function timeMs(work: () => void): number {
  const started = performance.now();
  work();
  return performance.now() - started;
}
