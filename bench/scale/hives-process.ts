import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Writable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import type { Health, PresenceLine } from '../../src/contract/index.ts';
import { PING_LINE } from '../../src/jobs/feed/feed-lines.ts';
import { LINES_TYPE } from '../../src/jobs/feed/serve-lines.ts';
import { beginOpenEnded } from '../../src/jobs/server/open-ended.ts';
import { FEED_PING_INTERVAL_MS } from '../../src/jobs/limits.ts';
import { answerQuestions } from '../child.ts';
import { reportOf, workerOf, WORKERS_A_HIVE } from '../placement/fleets.ts';

/** Hives that are nothing but what they say of themselves, each at a port of its own. */
export type HivesQuestion =
  | { kind: 'open'; hives: number; version: string }
  /** So many lines of workers a second, over all hives, beside the reports of their machines. */
  | { kind: 'report'; linesPerSecond: number; seconds: number };

export interface Reported {
  lines: number;
  /** A checksum of each worker's last report: a reader that received all of them has the same sum. */
  sum: number;
}

/** As a hive looks at its machine. */
const MACHINE_INTERVAL_MS = 5_000;
const TICK_MS = 5;

interface FakeHive {
  at: number;
  readers: Set<Writable>;
  /** Of its workers, what each said last. */
  speeds: number[];
}

const hives: FakeHive[] = [];
let version = '';

answerQuestions<HivesQuestion>((question) => (question.kind === 'open' ? openAll(question) : report(question)));

/** @returns their ports */
async function openAll(question: Extract<HivesQuestion, { kind: 'open' }>): Promise<number[]> {
  version = question.version;
  return Promise.all(Array.from({ length: question.hives }, (_, at) => open(at)));
}

async function open(at: number): Promise<number> {
  const hive: FakeHive = { at, readers: new Set(), speeds: new Array<number>(WORKERS_A_HIVE).fill(0) };
  hives.push(hive);
  const server = createServer((request, response) => answer(hive, request, response)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  // Hives were not started in the same moment.
  await delay(Math.random() * FEED_PING_INTERVAL_MS);
  setInterval(() => say(hive, PING_LINE), FEED_PING_INTERVAL_MS);
  setInterval(() => say(hive, machineLine(hive)), MACHINE_INTERVAL_MS);
  return (server.address() as AddressInfo).port;
}

function answer(hive: FakeHive, { url }: IncomingMessage, response: ServerResponse): void {
  if (url !== '/v1/presence') {
    const health: Health = { role: 'hive', name: `hive-${hive.at}`, version, uptime_s: 1, pid: process.pid, home: 'bench' };
    response.writeHead(url === '/health' ? 200 : 404, { 'content-type': 'application/json' }).end(JSON.stringify(health));
    return;
  }
  const out = beginOpenEnded(response, { 'content-type': LINES_TYPE });
  hive.readers.add(out);
  response.on('close', () => hive.readers.delete(out));
  const lines = [machineLine(hive), ...hive.speeds.map((_, n) => workerLine(hive, n)), lineOf({ kind: 'complete' })];
  out.write(`${lines.join('\n')}\n`);
}

async function report({ linesPerSecond, seconds }: Extract<HivesQuestion, { kind: 'report' }>): Promise<Reported> {
  const started = performance.now();
  const due = () => Math.min(linesPerSecond * seconds, ((performance.now() - started) / 1000) * linesPerSecond);
  let lines = 0;
  while (lines < linesPerSecond * seconds) {
    for (; lines < due(); lines += 1) {
      const hive = hives[lines % hives.length];
      const n = Math.floor(lines / hives.length) % WORKERS_A_HIVE;
      if (hive === undefined) continue;
      hive.speeds[n] = lines;
      say(hive, workerLine(hive, n));
    }
    await delay(TICK_MS);
  }
  return { lines, sum: hives.flatMap(({ speeds }) => speeds).reduce((sum, speed) => sum + speed, 0) };
}

function workerLine({ at, speeds }: FakeHive, n: number): string {
  const tokens_per_s = speeds[n] ?? 0;
  const place = { port: 9_001 + n, pid: 1_000 + n, context: 4_096, memory_bytes: 6e9 };
  return lineOf({ kind: 'worker', worker: { ...workerOf(at, n, 'free'), ...place, slots_used: tokens_per_s % 4, tokens_per_s } });
}

/** Free memory is never twice the same. */
function machineLine({ at }: FakeHive): string {
  const report = reportOf(at, 'free');
  const devices = report.devices.map((device) => ({
    ...device,
    memory_free_bytes: Math.round(Math.random() * device.memory_bytes),
  }));
  return lineOf({ ...report, version, devices });
}

function lineOf(line: PresenceLine): string {
  return JSON.stringify(line);
}

function say({ readers }: FakeHive, line: string): void {
  for (const out of readers) out.write(`${line}\n`);
}
