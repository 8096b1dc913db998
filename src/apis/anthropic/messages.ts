import {
  idsOf,
  meantModel,
  newId,
  parseBody,
  requireSight,
  type FieldNames,
  type FleetModels,
  type Translate,
} from '../common/index.ts';
import { wholeMessage, type AnswerOptions } from './answer.ts';
import { messagesBody, type MessagesBody } from './body.ts';
import { inferInputOf } from './infer-input.ts';
import { MessageStream } from './message-stream.ts';

/** POST /v1/messages */
export function messages(models: FleetModels): Translate<'infer'> {
  return (request) => {
    const body = parseBody(messagesBody, request.body);
    const model = meantModel(body.model, models, request);
    const input = { ...inferInputOf(body), model };
    requireSight(input.messages, model, models);
    const { requestId } = idsOf(request.raw);
    const showsThinking = body.thinking?.display !== 'omitted';
    const options: AnswerOptions = { id: newId('msg_'), requestId, model: body.model, showsThinking };
    const answer = input.stream ? new MessageStream(options) : wholeMessage(options);
    return { operation: 'infer', inputs: [input], answer, names: namesOf(body) };
  };
}

function namesOf({ output_config }: MessagesBody): FieldNames {
  return { stop: 'stop_sequences', json_schema: output_config?.format ? 'output_config.format.schema' : 'output_format.schema' };
}
