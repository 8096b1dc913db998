import { answerOfOne, meantModel, parseBody, type FleetModels, type Translate } from '../../common/index.ts';
import { rerankRequest } from './rerank-request.ts';

/** POST /v1/rerank */
export function rerank(models: FleetModels): Translate<'rerank'> {
  return (request) => {
    const fields = parseBody(rerankRequest, request.body);
    const documents = fields.documents.map((document) => (typeof document === 'string' ? document : document.text));
    const withText = fields.return_documents === true;
    return {
      operation: 'rerank',
      inputs: [
        { query: fields.query, documents, top_n: fields.top_n ?? undefined, model: meantModel(fields.model, models, request) },
      ],
      answer: answerOfOne((output) => ({
        model: fields.model,
        results: output.results.map((result) => ({
          ...result,
          ...(withText ? { document: { text: documents[result.index] } } : {}),
        })),
        usage: { prompt_tokens: output.usage.prompt_tokens, total_tokens: output.usage.prompt_tokens },
      })),
    };
  };
}
