import { setImmediate } from 'node:timers/promises';
import type { GbnfJsonBasicSchema, Llama, LlamaGrammarEvaluationState, LlamaJsonSchemaGrammar, LlamaModel } from 'node-llama-cpp';
import { JobError } from '../../../contract/index.ts';
import { faultOfGrammar } from './gbnf-cost.ts';
import { grammarSchemaOf } from './grammar-schema.ts';
import { mostStatesOf } from './grammar-states.ts';
import type { LlamaModule } from './llama-module.ts';

export interface JsonGrammar {
  /** Steers the sampling of one answer. */
  state: LlamaGrammarEvaluationState;
  /** The text that the grammar itself writes after the JSON. */
  stop: readonly string[];
  /** @throws JobError engine_failed for a complete answer that does not match the schema */
  check(text: string): void;
}

/** A token is tried in every way that the grammar is open to, and the other slots wait: so many trials take about a second. */
const MOST_TRIALS = 100_000_000;
const MOST_STATES = 5_000;

/** A longer message about an answer would quote the whole answer. */
const LONGEST_CAUSE = 300;

/** @throws JobError invalid_input for a schema that no grammar can hold, or whose grammar would keep the other slots waiting */
export async function jsonGrammarOf(
  schema: Record<string, unknown>,
  module: LlamaModule,
  model: LlamaModel,
): Promise<JsonGrammar> {
  const checked = grammarSchemaOf(schema);
  await setImmediate();
  const states = Math.min(MOST_STATES, Math.ceil(MOST_TRIALS / model.fileInfo.metadata.tokenizer.ggml.tokens.length));
  if (mostStatesOf(checked, states) > states) {
    const advice = 'Let alternatives differ in their first property, or make them fewer';
    throw refused(`leaves too many alternatives open at one place of the answer. ${advice}`);
  }
  await setImmediate();
  const written = write(checked, module);
  await setImmediate();
  const fault = faultOfGrammar(written.grammar);
  if (fault !== undefined) throw refused(fault);
  const { grammar: text, stopGenerationTriggers } = written;
  const grammar = await model.llama.createGrammar({ grammar: text, stopGenerationTriggers }).catch((cause: unknown) => {
    throw refused('is too large or too deep for a grammar. Make it simpler', cause);
  });
  return {
    state: new module.LlamaGrammarEvaluationState({ model, grammar }),
    stop: stopGenerationTriggers.map((trigger) => String(trigger)),
    check(text) {
      try {
        written.parse(text);
      } catch (cause) {
        const words = String(cause).slice(0, LONGEST_CAUSE);
        throw new JobError('engine_failed', `The answer does not match json_schema: ${words}`, { cause });
      }
    },
  };
}

/** The grammar as the library writes it. It gets an engine that accepts any grammar, so that it writes the text and nothing more. */
function write(schema: Record<string, unknown>, module: LlamaModule): LlamaJsonSchemaGrammar<GbnfJsonBasicSchema> {
  const nothing = { _bindings: { AddonGrammar: Object } } as unknown as Llama;
  try {
    // The type of a schema is made to infer the answer's from a literal; any of its members stands for one known only at run time.
    return new module.LlamaJsonSchemaGrammar(nothing, schema as unknown as GbnfJsonBasicSchema);
  } catch (cause) {
    throw refused('is too large or too deep for a grammar. Make it simpler', cause);
  }
}

function refused(why: string, cause?: unknown): JobError {
  return new JobError('invalid_input', `json_schema ${why}.`, { cause });
}
