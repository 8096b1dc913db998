import type { FastifyRequest } from 'fastify';
import { JobError } from '../../contract/index.ts';
import { answerOfOne, meantModel, parseBody, requireSight, type FleetModels, type RunRequest } from '../common/index.ts';
import { modelOf, placeOf } from './answer-input.ts';
import { AnswerStream } from './answer-stream.ts';
import { emptyAnswer, wholeAnswer, type AnswerOptions } from './answer.ts';
import { chatBody, generateBody, type AnswerBody } from './body.ts';
import { chatInputOf, knowsIds } from './chat-input.ts';
import { generateInputOf } from './generate-input.ts';

/** What the fields of the operation are called here. */
const NAMES = { json_schema: 'format', context: 'options.num_ctx', stop: 'options.stop' };

type Answer = (request: FastifyRequest, run: RunRequest) => object | Promise<object | undefined>;

/** POST /api/chat */
export function chat(models: FleetModels): Answer {
  return (request, run) => {
    const body = parseBody(chatBody, request.body);
    const options = optionsOf(body, { api: 'chat', hasIds: knowsIds(body) });
    if ((body.messages ?? []).length === 0) return loadOrUnload(body, { models, request, run, options });
    return answered(chatInputOf(body), { models, request, run, options });
  };
}

/** POST /api/generate */
export function generate(models: FleetModels): Answer {
  return (request, run) => {
    const body = parseBody(generateBody, request.body);
    const options = optionsOf(body, { api: 'generate', hasIds: false });
    if ((body.prompt ?? '') === '' && (body.suffix ?? '') === '') return loadOrUnload(body, { models, request, run, options });
    return answered(generateInputOf(body), { models, request, run, options });
  };
}

interface Answering {
  models: FleetModels;
  request: FastifyRequest;
  run: RunRequest;
  options: AnswerOptions;
}

function optionsOf(body: AnswerBody, more: Pick<AnswerOptions, 'api' | 'hasIds'>): AnswerOptions {
  const startedMs = performance.now();
  return { model: modelOf(body), ...more, now: () => new Date(), elapsedMs: () => performance.now() - startedMs };
}

function answered(input: ReturnType<typeof chatInputOf>, { models, request, run, options }: Answering) {
  const model = meantModel(options.model, models, request);
  requireSight(input.messages, model, models);
  const answer =
    input.stream === true ? new AnswerStream(options) : answerOfOne<'infer'>((output) => wholeAnswer(output, options));
  return run({ operation: 'infer', inputs: [{ ...input, model }], answer, names: NAMES });
}

/** A request without a prompt loads the model; with `keep_alive: 0` it unloads it, wherever it is loaded. */
function loadOrUnload(body: AnswerBody, { models, request, run, options }: Answering): object | Promise<object | undefined> {
  const model = meantModel(options.model, models, request);
  const place = placeOf(body);
  const only = { model, prompt: '', raw: true, max_tokens: 0, stream: false };
  if (place.keep_alive !== 0)
    return run({ operation: 'infer', inputs: [{ ...only, ...place }], answer: () => emptyAnswer('load', options), names: NAMES });
  const known = models.list();
  const found = known.find((each) => each.model.model === model);
  // A queen that has just started does not know yet what its hives have.
  if (found === undefined && known.length > 0)
    throw new JobError('model_not_found', `No hive has a model '${options.model.slice(0, 200)}'`);
  const workers = found?.workers ?? [];
  if (workers.length === 0) return emptyAnswer('unload', options);
  const inputs = workers.map(({ hive_id, worker_id }) => ({ ...only, hive_id, worker_id, keep_alive: 0 }));
  return run({ operation: 'infer', inputs, answer: () => emptyAnswer('unload', options) });
}
