import type { GbnfJsonBasicSchema, LlamaGrammarEvaluationState, LlamaModel } from 'node-llama-cpp';
import { JobError } from '../../../contract/index.ts';
import { grammarSchemaOf } from './grammar-schema.ts';
import type { LlamaModule } from './llama-module.ts';

export interface JsonGrammar {
  /** Steers the sampling of one answer. */
  state: LlamaGrammarEvaluationState;
  /** What the grammar itself writes after the JSON. */
  stop: readonly string[];
  /** @throws JobError engine_failed for a finished answer that is not what was asked for */
  check(text: string): void;
}

/** @throws JobError invalid_input for a schema that no grammar can hold */
export async function jsonGrammarOf(
  schema: Record<string, unknown>,
  module: LlamaModule,
  model: LlamaModel,
): Promise<JsonGrammar> {
  // Its type is made to infer the answer's from a literal; any of its members stands for a schema known only at run time.
  const grammarSchema = grammarSchemaOf(schema) as unknown as GbnfJsonBasicSchema;
  const grammar = await model.llama.createGrammarForJsonSchema(grammarSchema).catch((cause: unknown) => {
    throw new JobError('invalid_input', 'json_schema is too large or too deep for a grammar. Make it simpler.', { cause });
  });
  return {
    state: new module.LlamaGrammarEvaluationState({ model, grammar }),
    stop: grammar.stopGenerationTriggers.map((trigger) => String(trigger)),
    check(text) {
      try {
        grammar.parse(text);
      } catch (cause) {
        throw new JobError('engine_failed', `The answer does not match json_schema: ${String(cause)}`, { cause });
      }
    },
  };
}
