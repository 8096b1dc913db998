import {
  answerOfOne,
  meantModel,
  parseBody,
  RequestError,
  type FleetModels,
  type Translate,
  vectorOf,
} from '../../common/index.ts';
import { textsOf } from '../texts.ts';
import { embeddingsRequest } from './embeddings-request.ts';

/** POST /v1/embeddings */
export function embeddings(models: FleetModels): Translate<'embed'> {
  return (request) => {
    const fields = parseBody(embeddingsRequest, request.body);
    const texts = textsOf(fields.input);
    if (texts.length === 0) throw new RequestError('input', 'must not be empty');
    const asText = fields.encoding_format === 'base64';
    return {
      operation: 'embed',
      names: { texts: 'input' },
      inputs: [{ texts, model: meantModel(fields.model, models, request), dimensions: fields.dimensions ?? undefined }],
      answer: answerOfOne((output) => ({
        object: 'list',
        data: output.embeddings.map((vector, index) => ({
          object: 'embedding',
          index,
          embedding: asText ? vector : vectorOf(vector),
        })),
        model: fields.model,
        usage: { prompt_tokens: output.usage.prompt_tokens, total_tokens: output.usage.prompt_tokens },
      })),
    };
  };
}
