import { setImmediate } from 'node:timers/promises';
import type { LlamaGrammar, LlamaModel } from 'node-llama-cpp';
import { JobError } from '../../../contract/index.ts';
import { faultOfGrammar } from './gbnf-cost.ts';
import { mostStatesOf } from './grammar-states.ts';
import { refused } from './schema/schema-fault.ts';
import { readSchema } from './schema/schema-reader.ts';
import type { Shape } from './schema/shape.ts';

export interface JsonFormat {
  schema: Record<string, unknown>;
  /** Drops what a grammar cannot hold of the schema, instead of refusing it. */
  isLoose: boolean;
}

/** A token is tried in every way that the grammar is open to, and the other slots wait: so many trials take about a second. */
const MOST_TRIALS = 100_000_000;
const MOST_STATES = 5_000;

/** A longer message about an answer would quote the whole answer. */
const LONGEST_CAUSE = 300;

/** @throws JobError invalid_input for a schema that no grammar can hold, or whose grammar would keep the other slots waiting */
export async function jsonShapeOf(
  { schema, isLoose }: JsonFormat,
  model: LlamaModel,
): Promise<{ shape: Shape; dropped: readonly string[] }> {
  const read = await readSchema(schema, { at: 'json_schema', isLoose });
  await setImmediate();
  const fault = statesFault(read.shape, model);
  if (fault !== undefined) throw refused('json_schema', fault);
  await setImmediate();
  return read;
}

/** Why a grammar of this shape would keep the other slots waiting: the second half of a sentence about its schema. */
export function statesFault(shape: Shape, model: LlamaModel): string | undefined {
  const limit = Math.min(MOST_STATES, Math.ceil(MOST_TRIALS / model.fileInfo.metadata.tokenizer.ggml.tokens.length));
  if (mostStatesOf(shape, limit) <= limit) return undefined;
  return 'leaves too many alternatives open at one place of the answer. Let alternatives differ in their first property, or make them fewer';
}

/** Grammars of the latest requests: those of a conversation, or of a program, have the same. A large one has some megabytes. */
const MOST_KNOWN = 16;
const known = new WeakMap<LlamaModel, Map<string, LlamaGrammar>>();

/**
 * @param at what the grammar was made of, for errors
 * @throws JobError invalid_input for a grammar that llama.cpp would not read
 */
export async function compile(gbnf: string, model: LlamaModel, at: string): Promise<LlamaGrammar> {
  const grammars = known.get(model) ?? new Map<string, LlamaGrammar>();
  known.set(model, grammars);
  const grammar = grammars.get(gbnf) ?? (await read(gbnf, model, at));
  // The latest is the last.
  grammars.delete(gbnf);
  grammars.set(gbnf, grammar);
  for (const oldest of grammars.keys()) if (grammars.size > MOST_KNOWN) grammars.delete(oldest);
  return grammar;
}

async function read(gbnf: string, model: LlamaModel, at: string): Promise<LlamaGrammar> {
  await setImmediate();
  const fault = faultOfGrammar(gbnf);
  if (fault !== undefined) throw refused(at, fault);
  await setImmediate();
  return model.llama.createGrammar({ grammar: gbnf }).catch((cause: unknown) => {
    throw refused(at, 'is too large or too deep for a grammar. Make it simpler', cause);
  });
}

/**
 * The grammar enforces the schema; a complete answer that is no JSON is a bug in one of them.
 *
 * @throws JobError engine_failed
 */
export function checkJson(text: string): void {
  try {
    JSON.parse(text);
  } catch (cause) {
    const words = String(cause).slice(0, LONGEST_CAUSE);
    throw new JobError('engine_failed', `The answer does not match json_schema: ${words}`, { cause });
  }
}
