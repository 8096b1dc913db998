import { LOOPBACK, type DeviceKind, type WorkerFlags } from './contract/index.ts';
import { hivePort, homeTrust, ownToken, workerPorts } from './daemon/index.ts';
import type { Peer } from './jobs/index.ts';
import type { HiveFlags, QueenFlags } from './keeper/index.ts';
import { serveRole } from './serve-role.ts';

// Each role is loaded only where it runs: a worker starts faster without the code that downloads models.

export async function runQueen({ host, port }: QueenFlags): Promise<void> {
  const { createQueen } = await import('./queen/index.ts');
  return serveRole({
    role: 'queen',
    name: 'queen',
    host,
    ports: { first: port, last: port },
    storage: 'disk',
    extra: {},
    create: ({ catalog }) => createQueen({ port, hivePort: hivePort(), token: ownToken() }, catalog),
  });
}

/** @param packageRoot the folder of this rbee, with the models that came with it */
export async function runHive({ id, host, port }: HiveFlags, packageRoot: string): Promise<void> {
  const { createHive } = await import('./hive/index.ts');
  return serveRole({
    role: 'hive',
    name: id,
    host,
    ports: { first: port, last: port },
    storage: 'disk',
    extra: { hive_id: id },
    create: ({ catalog, port: own }) => createHive({ id, host, port: own, packageRoot }, catalog),
  });
}

/** Listens on the first free port of RBEE_WORKER_PORTS, on loopback: only its hive calls it. */
export async function runWorker({ hiveUrl, ...flags }: WorkerFlags): Promise<void> {
  const { createWorker } = await import('./worker/index.ts');
  return serveRole({
    role: 'worker',
    name: flags.id,
    host: LOOPBACK,
    ports: workerPorts(),
    storage: 'memory',
    extra: { ...flags },
    create: ({ port }) =>
      createWorker({ ...flags, port, hive: hiveUrl === undefined ? undefined : hiveAt(flags.hiveId, hiveUrl) }),
  });
}

export async function runProbe(worker: DeviceKind, modelPath?: string): Promise<void> {
  const { probeGpu } = await import('./worker/index.ts');
  return probeGpu(worker, modelPath);
}

function hiveAt(name: string, url: string): Peer {
  const { hostname, port } = new URL(url);
  return { role: 'hive', name, host: hostname.replace(/^\[|\]$/g, ''), port: Number(port), trust: homeTrust() };
}
