import type { Run } from '../contract/index.ts';
import { ANSWER_LIMITS, raceAbort } from '../jobs/index.ts';
import { countRequestOf, requireText, requireWorker, type LoadedWorker } from './infer.ts';

/** As base64, four bytes of a number are 5.3 characters; the rest of the answer is short. */
const MOST_NUMBERS = Math.floor((ANSWER_LIMITS.worker.resultChars * 0.95) / ((Float32Array.BYTES_PER_ELEMENT * 4) / 3));

/** The last hop of the operations beside `infer`. */
export function embedHandlers(worker: LoadedWorker) {
  const ran = { model: worker.model, worker_id: worker.id };

  const embed: Run<'embed'> = async function* (input, { signal }) {
    requireWorker(worker, input);
    const engine = await raceAbort(worker.loaded(), signal);
    const { texts, dimensions, truncate } = input;
    const { vectors, promptTokens } = await engine.embed({ texts, dimensions, truncate, mostNumbers: MOST_NUMBERS }, signal);
    const usage = { prompt_tokens: promptTokens };
    return { embeddings: vectors.map(asBase64), dimensions: vectors[0]?.length ?? 0, ...ran, usage };
  };

  const rerank: Run<'rerank'> = async function* (input, { signal }) {
    requireWorker(worker, input);
    const engine = await raceAbort(worker.loaded(), signal);
    const { scores, promptTokens } = await engine.rank({ query: input.query, documents: input.documents }, signal);
    const results = scores
      .map((relevance_score, index) => ({ index, relevance_score }))
      .sort((one, other) => other.relevance_score - one.relevance_score)
      .slice(0, input.top_n);
    return { results, ...ran, usage: { prompt_tokens: promptTokens } };
  };

  const count_tokens: Run<'count_tokens'> = async function* (input, { signal }) {
    requireWorker(worker, input);
    requireText(input);
    const engine = await raceAbort(worker.loaded(), signal);
    return { prompt_tokens: await engine.countTokens(countRequestOf(input), signal), ...ran };
  };

  return { embed, rerank, count_tokens };
}

/** 32-bit floats, little-endian on every machine. */
function asBase64(vector: Float32Array): string {
  const bytes = Buffer.alloc(vector.length * Float32Array.BYTES_PER_ELEMENT);
  for (const [index, value] of vector.entries()) bytes.writeFloatLE(value, index * Float32Array.BYTES_PER_ELEMENT);
  return bytes.toString('base64');
}
