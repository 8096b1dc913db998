import { LOOPBACK, type WorkerFlags } from '../contract/index.ts';
import { homeTrust, workerPorts } from '../daemon/index.ts';
import type { Program } from '../entry/load-program.ts';
import type { Peer } from '../jobs/index.ts';
import { main } from '../keeper/index.ts';
import { serveRole } from '../serve-role.ts';
import { createWorker, probeGpu } from '../worker/index.ts';

export const run: Program['run'] = (argv, elsewhere) => main(argv, { ...elsewhere, worker: runWorker, probe: probeGpu });

/** Listens on the first free port of RBEE_WORKER_PORTS, on loopback: only its hive calls it. */
function runWorker({ hiveUrl, ...flags }: WorkerFlags): Promise<void> {
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

function hiveAt(name: string, url: string): Peer {
  const { hostname, port } = new URL(url);
  return { role: 'hive', name, host: hostname.replace(/^\[|\]$/g, ''), port: Number(port), trust: homeTrust() };
}
