import { JobError, workerHeartbeat, type DownstreamJob, type Hive } from '../contract/index.ts';
import { homePaths } from '../daemon/index.ts';
import type { Catalog, Peer, ServedRole } from '../jobs/index.ts';
import { log } from '../narration/index.ts';
import { forwardHandlers, resumeOnHive } from './forward.ts';
import { HiveCatalog } from './hive-catalog.ts';
import { hiveHandlers, refresh, registrationHandlers, sshHandlers } from './hive-handlers.ts';
import { LocalHive } from './local-hive.ts';
import { machineHandlers } from './ssh-handlers.ts';
import { SshShells } from './ssh/shells.ts';
import { createStatus } from './status.ts';
import { WorkerRegistry } from './worker-registry.ts';

export interface QueenOptions {
  host: string;
  port: number;
  /** The port of the hive on this machine. */
  hivePort: number;
  token: string | undefined;
}

/** The fleet's one front: knows the hives, decides where work goes, forwards. */
export function createQueen(options: QueenOptions, catalog: Catalog): ServedRole {
  const { host, port, token } = options;
  const hives = new HiveCatalog(catalog, options.hivePort);
  const workers = new WorkerRegistry();
  // The workers of this machine reach her where she listens; on all addresses means on loopback too.
  const isEverywhere = host === '0.0.0.0' || host === '::';
  const queenUrl = `http://${isEverywhere ? '127.0.0.1' : host.includes(':') ? `[${host}]` : host}:${port}`;
  const localHive = new LocalHive({ paths: homePaths(), queenUrl, token, onStarted: (hive) => void recordDevices(hive) });
  const peerOf = ({ hive_id, host, port: hivePort }: Hive): Peer => ({
    role: 'hive',
    name: hive_id,
    host,
    port: hivePort,
    token,
  });
  const shells = new SshShells(homePaths());
  const parts = { hives, localHive, workers, peerOf, port, shells };
  // In the background: nobody's request waits for it.
  const recordDevices = (hive: Hive) =>
    refresh(hive, parts).catch((cause: unknown) => log.warn({ err: cause }, 'the devices are not known yet'));
  return {
    handlers: {
      ...hiveHandlers(parts),
      ...registrationHandlers(parts),
      ...sshHandlers(),
      ...machineHandlers(parts),
      ...forwardHandlers(parts),
      status: createStatus(parts),
    },
    resume: resumeOnHive(parts),
    stop: () => shells.close(),
    findPeer: ({ name }: DownstreamJob) => peerOf(hives.get(name)),
    addRoutes: (app) => {
      app.post('/v1/worker-heartbeat', (request) => {
        const heartbeat = workerHeartbeat.safeParse(parseBody(request.body));
        if (!heartbeat.success)
          throw new JobError('invalid_input', 'This is not a heartbeat of ours', { cause: heartbeat.error });
        workers.record(heartbeat.data);
        return { ok: true };
      });
    },
  };
}

function parseBody(body: unknown): unknown {
  try {
    return JSON.parse(String(body)) as unknown;
  } catch (cause) {
    throw new JobError('invalid_json', 'The body is not JSON', { cause });
  }
}
