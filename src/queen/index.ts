import type { DownstreamJob, Hive } from '../contract/index.ts';
import { homePaths } from '../daemon/index.ts';
import type { Catalog, ServedRole } from '../jobs/index.ts';
import { SshShells } from '../machines/index.ts';
import { log } from '../narration/index.ts';
import { forwardHandlers, resumeOnHive } from './forward.ts';
import { explain, forwardInfer, inferAgain } from './infer/index.ts';
import { Gates } from './hives/gates.ts';
import { HiveCatalog } from './hives/hive-catalog.ts';
import { HiveTokens } from './hives/hive-tokens.ts';
import { hiveHandlers, registrationHandlers } from './handlers/hive-handlers.ts';
import { LocalHive } from './hives/local-hive.ts';
import { createExplain, Dispatcher } from './placement/index.ts';
import { FleetView } from './presence/index.ts';
import { Reach } from './hives/reach.ts';
import { refresh } from './hives/refresh.ts';
import { RemoteHives } from './hives/remote-hives.ts';
import { machineHandlers } from './handlers/ssh-handlers.ts';
import { createStatus } from './handlers/status.ts';
import { wakeHive } from './hives/wake-hive.ts';

export interface QueenOptions {
  port: number;
  /** The port of the hive on this machine. */
  hivePort: number;
  token: string | undefined;
}

/** The fleet's one front: knows the hives, decides where work goes, forwards. */
export function createQueen({ port, hivePort, token }: QueenOptions, catalog: Catalog): ServedRole {
  const hives = new HiveCatalog(catalog, hivePort, () => {
    const registered = hives.list();
    remotes.keep(registered);
    view.follow(registered);
  });
  const paths = homePaths();
  const localHive = new LocalHive({ paths, onStarted: (hive) => void onStarted(hive) });
  const shells = new SshShells(paths);
  const tokens = new HiveTokens(catalog);
  const gates = new Gates();
  const remotes = new RemoteHives({
    hives,
    tokens,
    shells,
    paths,
    onRunning: (hiveId) => view.watch(hiveId)?.kick(),
  });
  const reach = new Reach({ localHive, remotes, paths, token });
  const view: FleetView = new FleetView({
    connect: (hive, signal) => reach.connect(hive, signal),
    onLost: (hive) => reach.distrust(hive),
    onChange: () => dispatcher.changed(),
    onWorkerGone: (hiveId, workerId) => dispatcher.forgetWorker(hiveId, workerId),
  });
  const dispatcher: Dispatcher = new Dispatcher({
    fleet: view.fleet,
    wake: (hiveId, signal) => wakeHive(hiveId, { hives, reach, view }, signal),
  });
  const parts = { hives, reach, view, gates, dispatcher, port, remotes, tokens, paths };
  // In the background: nobody's request waits for it.
  const onStarted = (hive: Hive) => {
    if (hives.find(hive.hive_id) !== undefined) hives.wanted(hive.hive_id);
    view.watch(hive.hive_id)?.kick();
    return refresh(hive, parts).catch((cause: unknown) => log.warn({ err: cause }, 'the devices are not known yet'));
  };
  return {
    handlers: {
      ...hiveHandlers(parts),
      ...registrationHandlers(parts),
      ...machineHandlers(parts),
      ...forwardHandlers(parts),
      infer: forwardInfer(parts),
      explain: createExplain({ explain: (input, signal) => explain(input, parts, signal) }),
      status: createStatus(parts),
    },
    resume: resumeOnHive(parts, { infer: inferAgain(parts) }),
    findPeer: ({ name }: DownstreamJob) => reach.peerOf(hives.get(name)),
    // Before the first request: it must find the hives known, if not heard yet.
    prepare: async () => view.start(hives.list()),
    stop: async () => {
      view.close();
      await remotes.close();
      await shells.close();
    },
  };
}
