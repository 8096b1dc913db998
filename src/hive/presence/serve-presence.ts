import type { FastifyInstance } from 'fastify';
import { JobError, workerHeartbeat } from '../../contract/index.ts';
import { parseJsonObject, serveLines } from '../../jobs/index.ts';
import type { Presence } from './presence.ts';

/** GET /v1/presence for the queen; POST /v1/worker-heartbeat for this hive's own workers. */
export function servePresence(app: FastifyInstance, presence: Presence): void {
  serveLines(app, '/v1/presence', (reader) => void presence.subscribe(reader));
  app.post('/v1/worker-heartbeat', (request) => {
    const heartbeat = workerHeartbeat.safeParse(parseJsonObject(request.body));
    if (!heartbeat.success) throw new JobError('invalid_input', 'The heartbeat is malformed', { cause: heartbeat.error });
    presence.receive(heartbeat.data);
    return { ok: true };
  });
}
