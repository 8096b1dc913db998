import type { RoleRoutes } from '../jobs/index.ts';
import { serveAnthropic } from './anthropic/index.ts';
import { apiCallers } from './common/callers.ts';
import type { FleetModels } from './common/index.ts';
import { serveOllama } from './ollama/index.ts';
import { serveOpenAi } from './openai/index.ts';

/** What the APIs need of the daemon that serves them. */
export interface ApiParts {
  /** RBEE_ORIGINS: origins of pages that may call. */
  origins: string | undefined;
  models: FleetModels;
}

export type { FleetModel, FleetModels } from './common/index.ts';

/** Serves the inference APIs of other programs: each translates requests into jobs, and the events of the jobs into its own shapes. */
export function serveApis(routes: RoleRoutes, { origins, models }: ApiParts): void {
  const callers = apiCallers(origins);
  // rbee's own protocol is served beside them, to its own callers.
  for (const own of ['/v1/jobs', '/v1/feed', '/v1/presence']) routes.under(own, {});
  serveOpenAi(routes, { callers, models });
  serveAnthropic(routes, { callers, models });
  serveOllama(routes, { callers, models });
}
