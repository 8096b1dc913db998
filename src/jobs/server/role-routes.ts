import type { FastifyInstance } from 'fastify';
import type { LineReader } from '../feed/serve-lines.ts';
import type { JobRegistry } from '../registry/registry.ts';
import type { PathRules } from './path-rules.ts';
import type { StreamJob } from './stream-job.ts';

/**
 * What a role builds its own routes from, beside /v1/jobs. A request has passed the guard when it comes to a route. Its body is a string:
 * `parseJsonObject` parses it within bounds. A route that throws a JobError answers with it.
 */
export interface RoleRoutes {
  app: FastifyInstance;
  /** Creates, reads and cancels this daemon's jobs. */
  registry: JobRegistry;
  streamJob: StreamJob;
  /** GET `path`: lines to any number of readers, until their connections close. */
  serveLines: (path: string, onReader: (reader: LineReader) => void) => void;
  /** Sets what holds for all paths under a prefix: who may call, and how errors look. */
  under: (prefix: string, rules: PathRules) => void;
}
