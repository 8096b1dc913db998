import type { Callers, RoleRoutes } from '../../jobs/index.ts';
import { errorAnswers, serveJobsAt, type FleetModels } from '../common/index.ts';
import { countTokens } from './count-tokens.ts';
import { anthropicErrors } from './errors.ts';
import { messages } from './messages.ts';

/** The API of Anthropic, beside that of OpenAI under /v1. */
export function serveAnthropic(routes: RoleRoutes, { callers, models }: { callers: Callers; models: FleetModels }): void {
  routes.under('/v1/messages', { callers, errorAnswer: errorAnswers(anthropicErrors) });
  serveJobsAt(routes, '/v1/messages', messages(models));
  serveJobsAt(routes, '/v1/messages/count_tokens', countTokens(models));
}
