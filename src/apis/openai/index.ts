import type { Callers, RoleRoutes } from '../../jobs/index.ts';
import { errorAnswers, serveJobsAt, type FleetModels } from '../common/index.ts';
import { chatCompletions } from './chat/chat-completions.ts';
import { openAiErrors } from './error-shape.ts';

/** The API of OpenAI, under /v1. */
export function serveOpenAi(routes: RoleRoutes, { callers, models }: { callers: Callers; models: FleetModels }): void {
  routes.under('/v1', { callers, errorAnswer: errorAnswers(openAiErrors) });
  serveJobsAt(routes, '/v1/chat/completions', chatCompletions(models));
}
