import { serveApis } from '../apis/index.ts';
import { LOCALHOST, type DownstreamJob } from '../contract/index.ts';
import { homePaths } from '../daemon/index.ts';
import type { Catalog, ServedRole } from '../jobs/index.ts';
import { SshShells } from '../machines/index.ts';
import { log } from '../narration/index.ts';
import { forwardHandlers } from './forward.ts';
import { resumeJobs, workerHandlers } from './infer/index.ts';
import { Gates } from './hives/gates.ts';
import { HiveCatalog } from './hives/hive-catalog.ts';
import { HiveTokens } from './hives/hive-tokens.ts';
import { fleetModels } from './handlers/fleet-models.ts';
import { FleetPresence } from './handlers/fleet-presence.ts';
import { hiveHandlers, registrationHandlers } from './handlers/hive-handlers.ts';
import { LocalHive } from './hives/local-hive.ts';
import { Dispatcher } from './placement/index.ts';
import { FleetView } from './presence/index.ts';
import { aliasHandlers, ModelNames } from './models/index.ts';
import { Reach } from './hives/reach.ts';
import { refresh } from './hives/refresh.ts';
import { RemoteHives } from './hives/remote-hives.ts';
import { StartLocks } from './hives/start-locks.ts';
import { machineHandlers } from './handlers/ssh-handlers.ts';
import { createStatus } from './handlers/status.ts';
import { wakeHive } from './hives/wake-hive.ts';

export interface QueenOptions {
  port: number;
  /** The port of the hive on this machine. */
  hivePort: number;
  token: string | undefined;
  /** Of pages that may call the inference APIs: RBEE_ORIGINS. */
  origins: string | undefined;
}

/** The fleet's front: knows the hives, decides where a request runs, forwards it. */
export function createQueen({ port, hivePort, token, origins }: QueenOptions, catalog: Catalog): ServedRole {
  const hives = new HiveCatalog(catalog, hivePort, () => {
    const registered = hives.list();
    remotes.keep(registered);
    view.follow(registered);
  });
  const paths = homePaths();
  const localHive = new LocalHive({ paths, port: hivePort, onStarted: () => void onLocalStarted() });
  const locks = new StartLocks();
  const shells = new SshShells(paths);
  const tokens = new HiveTokens(catalog);
  const gates = new Gates();
  const remotes = new RemoteHives({
    hives,
    tokens,
    shells,
    paths,
    locks,
    onRunning: (hiveId) => view.watch(hiveId)?.kick(),
  });
  const reach = new Reach({ hives, localHive, remotes, locks, token });
  const view: FleetView = new FleetView({
    connect: (hive, signal) => reach.connect(hive, signal),
    isStopped: (hiveId) => hives.find(hiveId)?.stopped === true,
    onLost: (hive) => reach.markStale(hive),
    onChange: () => dispatcher.changed(),
    onWorkerGone: (hiveId, workerId) => dispatcher.forgetWorker(hiveId, workerId),
  });
  const dispatcher: Dispatcher = new Dispatcher({
    fleet: view.fleet,
    wake: (hiveId, signal) => wakeHive(hiveId, { hives, reach, view }, signal),
  });
  const names = new ModelNames(catalog, {
    has: (name) => view.fleet.holdersOf(name).size > 0,
    names: () => view.fleet.modelNames(),
  });
  const parts = { hives, reach, view, gates, dispatcher, port, remotes, tokens, paths };
  // In the background: no request waits for it.
  const onLocalStarted = async () => {
    if (hives.find(LOCALHOST) === undefined) return;
    const hive = hives.wanted(LOCALHOST);
    view.watch(LOCALHOST)?.kick();
    await refresh(hive, parts).catch((cause: unknown) => log.warn({ err: cause }, "the local hive's devices are not known yet"));
  };
  const presence = new FleetPresence(parts);
  return {
    handlers: {
      ...hiveHandlers(parts),
      ...registrationHandlers(parts),
      ...machineHandlers(parts),
      ...forwardHandlers(parts),
      ...aliasHandlers(names),
      ...workerHandlers(parts, names),
      status: createStatus(parts),
    },
    resume: resumeJobs(parts),
    findPeer: ({ name }: DownstreamJob) => reach.peerOf(hives.get(name)),
    addRoutes: (routes) => {
      routes.serveLines('/v1/presence', presence.read);
      serveApis(routes, { origins, models: fleetModels(parts, names) });
    },
    // Before the first request, which must find the hives known, even without a report of them yet.
    prepare: async () => view.start(hives.list()),
    stop: async () => {
      view.close();
      await remotes.close();
      await shells.close();
    },
  };
}
