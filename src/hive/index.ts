import { join } from 'node:path';
import { homePaths, homeTrust } from '../daemon/index.ts';
import type { Catalog, Peer, RoleRoutes, ServedRole } from '../jobs/index.ts';
import { JobError, LOOPBACK, modelHeaders, operations, type Device } from '../contract/index.ts';
import { Devices, readCapabilities } from './devices/index.ts';
import { onWorkers, resumeOnWorker } from './run-on-worker.ts';
import { modelHandlers } from './model-handlers.ts';
import { openModelStore, type ModelStore } from './models/index.ts';
import { Presence, servePresence } from './presence/index.ts';
import { workerHandlers } from './worker-handlers.ts';
import { WorkerPool } from './workers/index.ts';

export interface HiveOptions {
  id: string;
  host: string;
  port: number;
  /** The folder of this installation, with the models that are part of it. */
  packageRoot: string;
}

/** One machine: its models, its workers, its devices. */
export function createHive(options: HiveOptions, catalog: Catalog): ServedRole {
  const { id: hiveId, host, port, packageRoot } = options;
  const paths = homePaths();
  const devices = new Devices(packageRoot);
  const workers = new WorkerPool({
    hiveId,
    hiveUrl: urlOf(host, port),
    paths,
    readDevices: (running) => devices.list(running),
    onChange: () => presence.workersChanged(),
    catalog,
  });
  const models = openModelStore({
    hiveId,
    catalog,
    modelsDir: paths.models,
    builtinDir: join(packageRoot, 'models'),
    largestDeviceBytes: async () => largestBytes(await workers.devices()),
  });
  const workerPeer = (id: string): Peer => {
    const { state } = workers.get(id);
    if (!('port' in state)) throw new JobError('worker_unreachable', `Worker '${id}' is ${state.kind}`);
    return { role: 'worker', name: id, host: LOOPBACK, port: state.port, trust: homeTrust(paths) };
  };
  const presence = new Presence({ hiveId, workers, models, dataDir: paths.data });
  const parts = { workers, models, workerPeer };
  return {
    handlers: {
      ...workerHandlers({ hiveId, workers, models }),
      ...modelHandlers({ models, workers, onChange: () => void presence.machineChanged() }),
      infer: onWorkers('infer', parts),
      embed: onWorkers('embed', parts),
      rerank: onWorkers('rerank', parts),
      count_tokens: onWorkers('count_tokens', parts),
    },
    resume: resumeOnWorker(parts),
    findPeer: ({ name }) => workerPeer(name),
    addRoutes: ({ app }) => {
      servePresence(app, presence);
      serveModel(app, models);
      app.get('/capabilities', () => readCapabilities(hiveId, paths.data, () => workers.devices()));
    },
    prepare: () => workers.adopt(),
    stop: async () => {
      devices.close();
      await workers.stopAll();
    },
  };
}

/** A device that cannot be used has no memory for a model. Undefined where there is none. */
function largestBytes(devices: readonly Device[]): number | undefined {
  const usable = devices.filter(({ usable: isUsable }) => isUsable !== false).map(({ memory_bytes: bytes }) => bytes);
  return usable.length === 0 ? undefined : Math.max(...usable);
}

/** A model, with the fields of its header where they are asked for. */
function serveModel(app: RoleRoutes['app'], models: ModelStore): void {
  app.get<{ Querystring: { model?: unknown; header?: unknown } }>('/v1/model', async ({ query }) => {
    const input = operations.model_get.input.safeParse({ model: query.model });
    if (!input.success) throw new JobError('invalid_input', 'The model must be a name or a path', { cause: input.error });
    const { model } = await models.resolve(input.data.model);
    const header = modelHeaders.find((each) => each === query.header);
    return header === undefined ? model : { ...model, header: await models.header(input.data.model, header === 'whole') };
  });
}

/** Where workers send heartbeats: the address that the hive listens on, or loopback when it listens on all. */
function urlOf(host: string, port: number): string {
  const isEverywhere = host === '0.0.0.0' || host === '::';
  return `http://${isEverywhere ? LOOPBACK : host.includes(':') ? `[${host}]` : host}:${port}`;
}
