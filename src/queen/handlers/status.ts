import { setTimeout as delay } from 'node:timers/promises';
import type { Model, OutputOf, Run } from '../../contract/index.ts';
import { SerializedOutput } from '../../jobs/index.ts';
import type { HiveCatalog } from '../hives/hive-catalog.ts';
import { JsonPieces } from './json-pieces.ts';
import type { FleetView, HiveWatch } from '../presence/index.ts';
import { describeHive, withAge } from './describe.ts';

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
    const hivesNow = all.map((hive) => describeHive(hive, view.watch(hive.hive_id)));
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
