import { setTimeout as delay } from 'node:timers/promises';
import type { Hive, HiveHealth, HiveReport, Model, OutputOf, Run, Worker } from '../../contract/index.ts';
import { SerializedOutput } from '../../jobs/index.ts';
import type { HiveCatalog } from '../hives/hive-catalog.ts';
import { JsonPieces } from './json-pieces.ts';
import { stopped, type FleetView, type HiveWatch } from '../presence/index.ts';

/** Hives that are not connected are tried once more, for no longer than this. */
const SETTLE_DEADLINE_MS = 1_000;

export interface StatusParts {
  hives: HiveCatalog;
  view: FleetView;
  port: number;
}

type Status = OutputOf<'status'>;

/** What the hives report to the queen anyway: sends no request and starts no hive. In pieces: a large fleet is megabytes of JSON. */
export function createStatus({ hives, view, port }: StatusParts): Run<'status'> {
  const started = performance.now();
  return async function* () {
    await Promise.race([view.settled(), delay(SETTLE_DEADLINE_MS, undefined, { ref: false })]);
    const uptime_s = Math.round((performance.now() - started) / 1000);
    const queen: Status['queen'] = { version: __RBEE_VERSION__, uptime_s, port, pid: process.pid };
    const all = hives.list();
    // All of one moment, before the first piece.
    const watches = all.flatMap(({ hive_id }) => view.watch(hive_id) ?? []);
    const hivesNow = all.map((hive) => described(hive, view));
    const workers = watches.flatMap((watch) => [...watch.workers]);
    const models = watches.flatMap(modelsOn);
    const json = new JsonPieces();
    json.value('queen', queen);
    await json.list('hives', hivesNow, (hive) => hive);
    await json.list('workers', workers, withAge);
    await json.list('models', models, ({ hive_id, model }) => ({ hive_id, ...model }) satisfies Status['models'][number]);
    return SerializedOutput.of<Status>(await json.end());
  };
}

function modelsOn({ hive, state, report }: HiveWatch): { hive_id: string; model: Model }[] {
  if (state.kind !== 'up' || report === undefined) return [];
  return report.models.map((model) => ({ hive_id: hive.hive_id, model }));
}

function described(hive: Hive, view: FleetView): Status['hives'][number] {
  const { hive_id, host, port, ssh } = hive;
  return { hive_id, host: ssh?.host ?? host, port, ...healthOf(hive, view.watch(hive_id)) };
}

function healthOf({ hive_id, stopped: isStopped }: Hive, watch: HiveWatch | undefined): Omit<HiveHealth, 'hive_id'> {
  const state = watch?.state ?? { kind: 'out', why: 'has not been reached yet' };
  if (state.kind === 'up') return { state: 'running', ...processOf(watch?.report) };
  if (isStopped === true) return { state: 'stopped', reason: `it ${stopped(hive_id).why}` };
  if (state.kind === 'asleep' && state.isPortClosed === true)
    return { state: 'stopped', reason: 'it is asleep, and is started when a job needs it' };
  return { state: 'unreachable', reason: `it ${state.why}` };
}

/** Its times are by this machine's clock. */
function withAge(worker: Worker): Worker {
  const unusedMs = Date.now() - Date.parse(worker.last_used_at ?? worker.started_at);
  return { ...worker, unused_s: Math.max(0, Math.round(unusedMs) / 1_000) };
}

function processOf(report: HiveReport | undefined): Pick<HiveHealth, 'version' | 'pid' | 'uptime_s'> {
  if (report === undefined) return {};
  const { version, pid, started_at } = report;
  return { version, pid, uptime_s: Math.max(0, Math.round((Date.now() - Date.parse(started_at)) / 1000)) };
}
