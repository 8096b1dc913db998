import { setTimeout as delay } from 'node:timers/promises';
import type { Hive, HiveHealth, HiveReport, OutputOf, Run, Worker } from '../../contract/index.ts';
import type { HiveCatalog } from '../hives/hive-catalog.ts';
import { stopped, type FleetView, type HiveWatch } from '../presence/index.ts';

/** Hives that are not connected are tried once more, for no longer than this. */
const SETTLE_DEADLINE_MS = 1_000;

export interface StatusParts {
  hives: HiveCatalog;
  view: FleetView;
  port: number;
}

type Status = OutputOf<'status'>;

/** What the hives report to the queen anyway: sends no request and starts no hive. */
export function createStatus({ hives, view, port }: StatusParts): Run<'status'> {
  const started = performance.now();
  return async function* () {
    await Promise.race([view.settled(), delay(SETTLE_DEADLINE_MS, undefined, { ref: false })]);
    const all = hives.list();
    const watched = all.map(({ hive_id }) => view.watch(hive_id));
    return {
      queen: { version: __RBEE_VERSION__, uptime_s: Math.round((performance.now() - started) / 1000), port, pid: process.pid },
      hives: all.map((hive) => described(hive, view)),
      workers: watched.flatMap((watch) => [...(watch?.workers ?? [])].map(withAge)),
      models: watched.flatMap((watch) =>
        watch?.state.kind === 'up'
          ? // The id first: added after the spread, it makes each of twenty thousand copies four times as dear.
            (watch.report?.models ?? []).map((model) => ({ hive_id: watch.hive.hive_id, ...model }))
          : [],
      ),
    };
  };
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
