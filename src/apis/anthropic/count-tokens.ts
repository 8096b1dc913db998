import { answerOfOne, meantModel, parseBody, requireSight, type FleetModels, type Translate } from '../common/index.ts';
import { promptBody } from './body.ts';
import { promptInputOf } from './infer-input.ts';

/** POST /v1/messages/count_tokens: the tokens of the same prompt in /v1/messages, exactly. */
export function countTokens(models: FleetModels): Translate<'count_tokens'> {
  return (request) => {
    const body = parseBody(promptBody, request.body);
    // A schema for the answer is no part of the prompt.
    const { json_schema: _schema, parallel_tool_calls: _parallel, ...prompt } = promptInputOf(body);
    const model = meantModel(body.model, models, request);
    const input = { ...prompt, model };
    requireSight(input.messages, model, models);
    return {
      operation: 'count_tokens',
      inputs: [input],
      answer: answerOfOne(({ prompt_tokens }) => ({ input_tokens: prompt_tokens })),
    };
  };
}
