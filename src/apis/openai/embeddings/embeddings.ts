import { meantModel, parseBody, RequestError, type FleetModels, type Translate } from '../../common/index.ts';
import { embeddingsRequest, type EmbeddingsRequest } from './embeddings-request.ts';

/** POST /v1/embeddings */
export function embeddings(models: FleetModels): Translate<'embed'> {
  return (request) => {
    const fields = parseBody(embeddingsRequest, request.body);
    const texts = textsOf(fields.input);
    if (texts.length === 0) throw new RequestError('input', 'must not be empty');
    const asText = fields.encoding_format === 'base64';
    return {
      operation: 'embed',
      inputs: [{ texts, model: meantModel(fields.model, models, request), dimensions: fields.dimensions ?? undefined }],
      answer: ([output]) => ({
        object: 'list',
        data: (output?.embeddings ?? []).map((vector, index) => ({
          object: 'embedding',
          index,
          embedding: asText ? vector : numbersOf(vector),
        })),
        model: fields.model,
        usage: { prompt_tokens: output?.usage.prompt_tokens ?? 0, total_tokens: output?.usage.prompt_tokens ?? 0 },
      }),
    };
  };
}

function textsOf(input: EmbeddingsRequest['input']): (string | number[])[] {
  if (typeof input === 'string') return [input];
  return isTokens(input) ? [input] : input;
}

function isTokens(input: string[] | number[] | number[][]): input is number[] {
  return typeof input[0] === 'number';
}

/** @param vector 32-bit floats, little-endian, as base64 */
function numbersOf(vector: string): number[] {
  const bytes = Buffer.from(vector, 'base64');
  return Array.from({ length: bytes.length / 4 }, (_, index) => bytes.readFloatLE(4 * index));
}
