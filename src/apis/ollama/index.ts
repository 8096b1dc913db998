import type { Callers, RoleRoutes } from '../../jobs/index.ts';
import { errorAnswers, serveAnswersAt, serveAt, serveModelList, type FleetModels } from '../common/index.ts';
import { chat, generate } from './answers.ts';
import { embed, embeddings } from './embed.ts';
import { ollamaErrors } from './errors.ts';
import { copy, remove, show } from './manage.ts';
import { loadedOf, tagOf } from './models.ts';
import { pull } from './pull.ts';

/** The version of Ollama whose API this is: clients compare its numbers. */
const API_VERSION = '0.13.0';
/** rbee makes no models. */
const NOT_SERVED = ['/api/create', '/api/push', '/api/blobs/:digest'];

/** The API of Ollama, under /api. */
export function serveOllama(routes: RoleRoutes, { callers, models }: { callers: Callers; models: FleetModels }): void {
  const { app } = routes;
  routes.under('/api', { callers, errorAnswer: errorAnswers(ollamaErrors) });
  app.get('/', (_request, reply) => reply.type('text/plain; charset=utf-8').send('Ollama is running'));
  serveAt(routes, '/api/version', () => ({ version: API_VERSION }));
  serveModelList(routes, '/api/tags', { models, shape: (known) => ({ models: known.map(tagOf) }) });
  serveAt(routes, '/api/ps', () => ({
    models: models
      .list()
      .flatMap((each) => (each.alias === undefined ? each.workers.map((worker) => loadedOf(each, worker)) : [])),
  }));
  serveAnswersAt(routes, { path: '/api/chat' }, chat(models));
  serveAnswersAt(routes, { path: '/api/generate' }, generate(models));
  serveAnswersAt(routes, { path: '/api/embed' }, embed(models));
  serveAnswersAt(routes, { path: '/api/embeddings' }, embeddings(models));
  serveAnswersAt(routes, { path: '/api/show' }, show(models));
  serveAnswersAt(routes, { path: '/api/pull' }, pull(models));
  serveAnswersAt(routes, { path: '/api/copy' }, copy(models));
  serveAnswersAt(routes, { path: '/api/delete', method: 'DELETE' }, remove(models));
  for (const path of NOT_SERVED) {
    const sentence = `${path.split('/:')[0]} is not served: rbee loads .gguf files as they are. Download one: POST /api/pull`;
    app.post(path, (_request, reply) => reply.code(501).send({ error: sentence }));
  }
}
