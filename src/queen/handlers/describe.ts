import type { Hive, HiveHealth, HiveReport, OutputOf, Worker } from '../../contract/index.ts';
import { stopped, type HiveWatch } from '../presence/index.ts';

/** A hive with the state that the queen sees it in. */
export function describeHive(hive: Hive, watch: HiveWatch | undefined): OutputOf<'status'>['hives'][number] {
  const { hive_id, host, port, ssh } = hive;
  return { hive_id, host: ssh?.host ?? host, port, ...healthOf(hive, watch) };
}

function healthOf({ hive_id, stopped: isStopped }: Hive, watch: HiveWatch | undefined): Omit<HiveHealth, 'hive_id'> {
  const state = watch?.state ?? { kind: 'out', why: 'has not been reached yet', code: 'hive_unreachable' };
  if (state.kind === 'up') return { state: 'running', ...processOf(watch?.report) };
  if (isStopped === true) return { state: 'stopped', reason: `it ${stopped(hive_id).why}` };
  if (state.kind === 'asleep' && state.isPortClosed === true)
    return { state: 'stopped', reason: 'it is asleep, and is started when a job needs it' };
  return { state: 'unreachable', reason: `it ${state.why}`, code: state.code };
}

function processOf(report: HiveReport | undefined): Pick<HiveHealth, 'version' | 'pid' | 'uptime_s'> {
  if (report === undefined) return {};
  const { version, pid, started_at } = report;
  return { version, pid, uptime_s: ageS(started_at) };
}

/** With its age, for readers with another clock. The times of the report are by this machine's clock. */
export function withUptime(report: HiveReport): HiveReport {
  return { ...report, uptime_s: ageS(report.started_at) };
}

export function withAge(worker: Worker): Worker {
  const unusedMs = Date.now() - Date.parse(worker.last_used_at ?? worker.started_at);
  return { ...worker, unused_s: Math.max(0, Math.round(unusedMs) / 1_000) };
}

function ageS(since: string): number {
  return Math.max(0, Math.round((Date.now() - Date.parse(since)) / 1000));
}
