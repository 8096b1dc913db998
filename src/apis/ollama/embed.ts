import type { FastifyRequest } from 'fastify';
import {
  answerOfOne,
  given,
  keepAliveOf,
  meantModel,
  parseBody,
  type FleetModels,
  type RunRequest,
  vectorOf,
} from '../common/index.ts';
import { modelOf } from './answer-input.ts';
import { nanoseconds } from './answer.ts';
import { embedBody, embeddingsBody } from './body.ts';

/** POST /api/embed */
export function embed(models: FleetModels) {
  return (request: FastifyRequest, run: RunRequest): object | Promise<object | undefined> => {
    const startedMs = performance.now();
    const body = parseBody(embedBody, request.body);
    const named = modelOf(body);
    const texts = typeof body.input === 'string' ? [body.input] : body.input;
    const answer = (embeddings: number[][], prompt_eval_count: number) => {
      const total_duration = nanoseconds(performance.now() - startedMs);
      return { model: named, embeddings, total_duration, load_duration: 0, prompt_eval_count };
    };
    if (texts.length === 0) return answer([], 0);
    const wish = given({ dimensions: body.dimensions, truncate: body.truncate, keep_alive: keepAliveOf(body.keep_alive) });
    return run({
      operation: 'embed',
      names: { texts: 'input' },
      inputs: [{ model: meantModel(named, models, request), texts, ...wish }],
      answer: answerOfOne(({ embeddings, usage }) => answer(embeddings.map(vectorOf), usage.prompt_tokens)),
    });
  };
}

/** POST /api/embeddings: the older route, for one text. */
export function embeddings(models: FleetModels) {
  return (request: FastifyRequest, run: RunRequest): Promise<object | undefined> => {
    const body = parseBody(embeddingsBody, request.body);
    const wish = given({ keep_alive: keepAliveOf(body.keep_alive) });
    return run({
      operation: 'embed',
      names: { texts: 'prompt' },
      inputs: [{ model: meantModel(modelOf(body), models, request), texts: [body.prompt], ...wish }],
      answer: answerOfOne(({ embeddings: [vector = ''] }) => ({ embedding: vectorOf(vector) })),
    });
  };
}
