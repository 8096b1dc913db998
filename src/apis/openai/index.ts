import type { Callers, RoleRoutes } from '../../jobs/index.ts';
import { errorAnswers, serveAt, serveJobsAt, serveModelList, type FleetModels } from '../common/index.ts';
import { chatCompletions } from './chat/chat-completions.ts';
import { completions } from './completions/completions.ts';
import { embeddings } from './embeddings/embeddings.ts';
import { rerank } from './embeddings/rerank.ts';
import { openAiErrors } from './error-shape.ts';
import { getModel, listOfModels } from './models.ts';
import { responses } from './responses/responses.ts';

/** The API of OpenAI, under /v1. */
export function serveOpenAi(routes: RoleRoutes, { callers, models }: { callers: Callers; models: FleetModels }): void {
  routes.under('/v1', { callers, errorAnswer: errorAnswers(openAiErrors) });
  serveJobsAt(routes, '/v1/chat/completions', chatCompletions(models));
  serveJobsAt(routes, '/v1/completions', completions(models));
  serveJobsAt(routes, '/v1/responses', responses(models));
  serveJobsAt(routes, '/v1/embeddings', embeddings(models));
  serveJobsAt(routes, '/v1/rerank', rerank(models));
  serveModelList(routes, '/v1/models', { models, shape: listOfModels });
  // To the end of the path: the names of models have slashes.
  serveAt(routes, '/v1/models/*', (request) => getModel(models, (request.params as { '*': string })['*'], request));
}
