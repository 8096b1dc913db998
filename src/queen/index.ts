import type { DownstreamJob, Hive } from '../contract/index.ts';
import { homePaths } from '../daemon/index.ts';
import type { Catalog, ServedRole } from '../jobs/index.ts';
import { log } from '../narration/index.ts';
import { forwardHandlers, resumeOnHive } from './forward.ts';
import { HiveCatalog } from './hive-catalog.ts';
import { hiveHandlers, refresh, registrationHandlers, sshHandlers } from './hive-handlers.ts';
import { LocalHive } from './local-hive.ts';
import { FleetView } from './presence/index.ts';
import { Reach } from './reach.ts';
import { createStatus } from './status.ts';

export interface QueenOptions {
  port: number;
  /** The port of the hive on this machine. */
  hivePort: number;
  token: string | undefined;
}

/** The fleet's one front: knows the hives, decides where work goes, forwards. */
export function createQueen({ port, hivePort, token }: QueenOptions, catalog: Catalog): ServedRole {
  const hives = new HiveCatalog(catalog, hivePort, () => view.follow(hives.list()));
  const localHive = new LocalHive({ paths: homePaths(), token, onStarted: (hive) => void onStarted(hive) });
  const reach = new Reach({ localHive, token });
  const view = new FleetView({
    connect: (hive) => Promise.resolve(reach.peerOf(hive)),
    onChange: () => undefined,
  });
  const parts = { hives, reach, view, port };
  // In the background: nobody's request waits for it.
  const onStarted = (hive: Hive) => {
    view.watch(hive.hive_id)?.kick();
    return refresh(hive, parts).catch((cause: unknown) => log.warn({ err: cause }, 'the devices are not known yet'));
  };
  return {
    handlers: {
      ...hiveHandlers(parts),
      ...registrationHandlers(parts),
      ...sshHandlers(),
      ...forwardHandlers(parts),
      status: createStatus(parts),
    },
    resume: resumeOnHive(parts),
    findPeer: ({ name }: DownstreamJob) => reach.peerOf(hives.get(name)),
    start: async () => {
      view.follow(hives.list());
      return {};
    },
    stop: async () => view.close(),
  };
}
