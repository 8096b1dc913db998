import {
  meantModel,
  parseBody,
  keepAliveOf,
  RequestError,
  type FleetModels,
  type InputFields,
  type Translate,
} from '../../common/index.ts';
import { headOf } from '../chat/chat-head.ts';
import { SAMPLING_NAMES, samplingOf } from '../sampling.ts';
import { textsOf } from '../texts.ts';
import { completionAnswer, CompletionStream } from './completion-answer.ts';
import { completionsRequest, type CompletionsRequest } from './completions-request.ts';

const NAMES = { ...SAMPLING_NAMES, prompt_tokens: 'prompt', top_logprobs: 'logprobs' };

/** Choices of all prompts of one request. */
const CHOICES_LIMIT = 128;

/** POST /v1/completions: prompts as they are, without a chat template. */
export function completions(models: FleetModels): Translate<'infer'> {
  return (request) => {
    const fields = parseBody(completionsRequest, request.body);
    refuseUnserved(fields);
    const each = fields.n ?? 1;
    const prompts = textsOf(fields.prompt).map((text) => (typeof text === 'string' ? { prompt: text } : { prompt_tokens: text }));
    if (prompts.length === 0) throw new RequestError('prompt', 'must not be empty');
    if (prompts.length * each > CHOICES_LIMIT)
      throw new RequestError('prompt', `at most ${CHOICES_LIMIT} choices in one request`);
    const stream = fields.stream === true;
    const model = meantModel(fields.model, models, request);
    const inputs = prompts.flatMap((prompt) =>
      Array.from({ length: each }, (_, choice) => ({ ...inputOf(fields, choice), ...prompt, model, stream })),
    );
    const head = headOf(fields.model, 'cmpl-');
    const withUsage = fields.stream_options?.include_usage === true;
    const answer = stream ? new CompletionStream(head, { each, withUsage }) : completionAnswer(head, each);
    return { operation: 'infer', inputs, answer, names: NAMES };
  };
}

function inputOf(fields: CompletionsRequest, choice: number): InputFields<'infer'> {
  return {
    raw: true,
    // An empty one asks for nothing to be filled in.
    suffix: fields.suffix || undefined,
    ...samplingOf(fields, choice),
    ...(typeof fields.logprobs === 'number' ? { logprobs: true, top_logprobs: fields.logprobs } : {}),
    keep_alive: keepAliveOf(fields.keep_alive),
  };
}

function refuseUnserved({ echo, best_of, n }: CompletionsRequest): void {
  if (echo === true) throw new RequestError('echo', 'the prompt is not repeated here');
  if (typeof best_of === 'number' && best_of > (n ?? 1)) throw new RequestError('best_of', 'must not be larger than n');
}
