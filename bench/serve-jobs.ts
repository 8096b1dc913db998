import { actorOf, type Handlers, type Role } from '../src/contract/index.ts';
import { bindServer, createJobServer, JobRegistry, type Catalog, type Peer, type RoleRoutes } from '../src/jobs/index.ts';
import { speaking } from '../src/narration/index.ts';

type EventLog = ConstructorParameters<typeof JobRegistry>[0]['log'];

export interface ServedJobs {
  role: Role;
  handlers: Handlers;
  log: EventLog;
  catalog: Catalog;
  kept: { jobs: number; ageMs: number };
  /** The role below, where there is one. */
  below?: Peer;
  /** The role's own routes. */
  addRoutes?: (routes: RoleRoutes) => void;
}

const silent = { info: () => undefined, error: (fields: object, message: string) => console.error(message, fields) };

/**
 * A daemon's jobs as it serves them, without its pidfile and its log of words.
 * @returns its port
 */
export async function serveJobs({ role, handlers, log, catalog, kept, below, addRoutes }: ServedJobs): Promise<number> {
  const registry = new JobRegistry({
    actor: actorOf[role],
    handlers: speaking(actorOf[role], handlers),
    log,
    catalog,
    logger: silent,
    kept,
  });
  const bound = await bindServer('127.0.0.1', 0);
  const own: Peer = { role, name: role, host: '127.0.0.1', port: bound.port };
  const server = createJobServer({
    role,
    name: role,
    version: __RBEE_VERSION__,
    home: 'bench',
    bound,
    token: undefined,
    secretFile: undefined,
    registry,
    findPeer: () => below ?? own,
    logger: silent,
  });
  addRoutes?.(server.routes);
  await server.open();
  return bound.port;
}
