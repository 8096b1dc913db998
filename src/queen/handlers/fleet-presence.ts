import type { FleetLine } from '../../contract/index.ts';
import type { LineReader } from '../../jobs/index.ts';
import type { HiveCatalog } from '../hives/hive-catalog.ts';
import type { FleetView } from '../presence/index.ts';
import { describeHive, withAge, withUptime } from './describe.ts';
import { COMPLETE, FleetReader, type LineNow } from './fleet-reader.ts';

interface FleetPresenceParts {
  hives: HiveCatalog;
  view: FleetView;
}

/** GET /v1/presence of the queen: the state of the whole fleet, and then each change, for any number of readers. */
export class FleetPresence {
  readonly #parts: FleetPresenceParts;
  readonly #readers = new Set<FleetReader>();
  /** The state of each hive as last reported: most tries to reach one that is down change nothing. */
  readonly #states = new Map<string, string>();

  constructor(parts: FleetPresenceParts) {
    this.#parts = parts;
    parts.view.observe({
      onHive: (hiveId, what) => this.#onHive(hiveId, what),
      onWorker: (hiveId, workerId) => this.#changed(hiveId, workerThing(hiveId, workerId), this.#worker(hiveId, workerId)),
    });
  }

  readonly read = (lines: LineReader): void => {
    if (lines.closed.aborted) return;
    const reader = new FleetReader(lines);
    for (const { hive_id } of this.#parts.hives.list()) this.#wholeHive(reader, hive_id);
    reader.changed(COMPLETE, () => text({ kind: 'complete' }));
    this.#readers.add(reader);
    lines.closed.addEventListener('abort', () => this.#readers.delete(reader));
  };

  #onHive(hiveId: string, what: 'state' | 'report'): void {
    if (what === 'report') return this.#changed(hiveId, `report ${hiveId}`, this.#report(hiveId));
    const { uptime_s: _age, ...lasting } = this.#state(hiveId);
    const isUp = this.#isUp(hiveId);
    const state = JSON.stringify(lasting);
    if (!isUp && this.#states.get(hiveId) === state) return;
    if (lasting.kind === 'hive_gone') this.#states.delete(hiveId);
    else this.#states.set(hiveId, state);
    for (const reader of this.#readers) this.#wholeHive(reader, hiveId);
  }

  /** A part of a hive: after a state of the hive that is not written yet, because that starts the part over. */
  #changed(hiveId: string, thing: string, line: LineNow): void {
    for (const reader of this.#readers) reader.changed(thing, line, stateThing(hiveId));
  }

  /** Its state, which starts its part over, and then its report and workers. */
  #wholeHive(reader: FleetReader, hiveId: string): void {
    reader.changedLast(stateThing(hiveId), () => text(this.#state(hiveId)));
    if (!this.#isUp(hiveId)) return;
    reader.changedLast(`report ${hiveId}`, this.#report(hiveId));
    for (const { worker_id } of this.#parts.view.watch(hiveId)?.workers ?? [])
      reader.changedLast(workerThing(hiveId, worker_id), this.#worker(hiveId, worker_id));
  }

  #isUp(hiveId: string): boolean {
    return this.#parts.view.watch(hiveId)?.state.kind === 'up';
  }

  #state(hiveId: string): Extract<FleetLine, { kind: 'hive_state' | 'hive_gone' }> & { uptime_s?: number | undefined } {
    const hive = this.#parts.hives.find(hiveId);
    if (hive === undefined) return { kind: 'hive_gone', hive_id: hiveId };
    return { kind: 'hive_state', ...describeHive(hive, this.#parts.view.watch(hiveId)) };
  }

  #report(hiveId: string): LineNow {
    return () => {
      const report = this.#parts.view.watch(hiveId)?.report;
      return report === undefined || !this.#isUp(hiveId) ? undefined : text(withUptime(report));
    };
  }

  #worker(hiveId: string, workerId: string): LineNow {
    return () => {
      if (!this.#isUp(hiveId)) return undefined;
      const worker = this.#parts.view.watch(hiveId)?.worker(workerId);
      if (worker === undefined) return text({ kind: 'worker_gone', worker_id: workerId, hive_id: hiveId });
      return text({ kind: 'worker', worker: withAge(worker) });
    };
  }
}

function stateThing(hiveId: string): string {
  return `state ${hiveId}`;
}

function workerThing(hiveId: string, workerId: string): string {
  return `worker ${hiveId} ${workerId}`;
}

function text(line: FleetLine): string {
  return JSON.stringify(line);
}
