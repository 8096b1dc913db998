import { setImmediate } from 'node:timers/promises';
import type { LlamaGrammarEvaluationState, LlamaModel } from 'node-llama-cpp';
import { JobError, type Tool } from '../../../contract/index.ts';
import type { CountRequest, GenerateRequest } from '../engine.ts';
import { AnswerReader, type AnswerForm } from './answer-reader.ts';
import type { CallForm } from './calls/call-form.ts';
import { anyArguments, callGrammar, type CallTool } from './calls/call-grammar.ts';
import { checkJson, compile, jsonGrammarOf, jsonShapeOf, statesFault } from './json-grammar.ts';
import type { LlamaModule } from './llama-module.ts';
import { leavesOf } from './schema/possible.ts';
import { readSchema } from './schema/schema-reader.ts';
import type { Shape } from './schema/shape.ts';

export interface AnswerPlan {
  /** Text that the prompt ends with, control tokens by their names: the beginning of a call that has to be made. */
  begun: string;
  reader: AnswerReader;
  /** Tags and other texts that the reader looks for. Where they are control tokens, it needs their names. */
  marks: readonly string[];
  /** The grammar that holds at the next token. */
  grammar: LlamaGrammarEvaluationState | (() => LlamaGrammarEvaluationState | undefined) | undefined;
  /** @throws JobError engine_failed for a complete answer that does not match the request */
  check(text: string): void;
}

export interface AnswerModel {
  module: LlamaModule;
  model: LlamaModel;
  stop: readonly string[];
  trimSpace: boolean;
  /** Where the model reasons in its answers, and whether this prompt ends inside of it. */
  reasoning: { open: string; close: string; startsOpen: boolean } | undefined;
  calls: CallForm;
  signal: AbortSignal;
}

/**
 * How an answer is steered and read: by the grammar of a schema or of calls of tools, which begins where reasoning ends.
 *
 * @throws JobError invalid_input; the signal's reason
 */
export async function answerPlanOf(request: GenerateRequest, around: AnswerModel): Promise<AnswerPlan> {
  const tools = allowedTools(request);
  // Where calls begin as JSON, an answer that has to be JSON could not be distinguished from one.
  const canTell = !request.jsonSchema || !around.calls.isOnlyAtStart;
  if (tools.length > 0 && (isForced(request) || canTell)) return callPlan(request, tools, around);
  const reader = new AnswerReader(formOf(request, around));
  const { jsonSchema } = request;
  if (!jsonSchema) return { begun: '', reader, marks: tagsOf(around), grammar: undefined, check: () => undefined };
  const isLoose = request.isSchemaLoose ?? false;
  const { dropped, state } = await jsonGrammarOf({ schema: jsonSchema, isLoose }, around.module, around.model);
  if (dropped.length > 0) request.onIgnored?.(dropped);
  const grammar = around.reasoning?.startsOpen ? () => (reader.place === 'text' ? state : undefined) : state;
  return { begun: '', reader, marks: tagsOf(around), grammar, check: checkJson };
}

async function callPlan(request: GenerateRequest, tools: readonly Tool[], around: AnswerModel): Promise<AnswerPlan> {
  const { module, model, calls: form } = around;
  const forced = isForced(request);
  const otherwise = forced ? undefined : await shapeOfText(request, model);
  const isSteered = otherwise !== undefined;
  const reader = new AnswerReader({ ...formOf(request, around), calls: { form, isForced: forced, isSteered } });
  const begun = forced ? form.before : isSteered ? '' : form.trigger;
  const isParallel = request.isOneCall !== true;
  const shapes = await shapesOf(tools, request, around);
  const write = (of: readonly CallTool[]) =>
    compile(callGrammar({ form, tools: of, isParallel, begun, otherwise }), model, 'tools');
  const grammar = await write(shapes).catch((cause: unknown) => {
    if (!(cause instanceof JobError) || cause.code !== 'invalid_input') throw cause;
    request.onIgnored?.(['tools']);
    return write(tools.map(({ name }) => ({ name, shape: anyArguments() })));
  });
  const state = new module.LlamaGrammarEvaluationState({ model, grammar });
  return {
    begun: begunOf(request, around),
    reader,
    marks: [...tagsOf(around), form.before, form.infix, form.between, form.after],
    grammar: () => (reader.place === 'call' || (isSteered && reader.place === 'text') ? state : undefined),
    check(text) {
      if (isSteered && !reader.hasCalled) checkJson(text);
    },
  };
}

/** The beginning of a call that has to be made, which the prompt ends with. A model that reasons first writes it itself. */
export function begunOf(request: CountRequest, { reasoning, calls }: Pick<AnswerModel, 'reasoning' | 'calls'>): string {
  return allowedTools(request).length > 0 && isForced(request) && !reasoning?.startsOpen ? calls.before : '';
}

/** What the text of an answer may be where the model may also call tools; undefined for any text. */
async function shapeOfText(request: GenerateRequest, model: LlamaModel): Promise<Shape | undefined> {
  const { jsonSchema: schema, isSchemaLoose: isLoose = false } = request;
  if (!schema) return undefined;
  const { shape, dropped } = await jsonShapeOf({ schema, isLoose }, model);
  if (dropped.length > 0) request.onIgnored?.(dropped);
  return shape;
}

/** What the arguments of each tool may be. A schema that is too large for a grammar leaves any object. */
async function shapesOf(tools: readonly Tool[], request: GenerateRequest, { model, signal }: AnswerModel): Promise<CallTool[]> {
  const shapes: CallTool[] = [];
  const ignored: string[] = [];
  for (const { name, parameters } of tools) {
    // The schema of one may take a tenth of a second, and a request may have hundreds.
    await setImmediate();
    signal.throwIfAborted();
    const at = `tools.${name}`;
    const schema = parameters ? { type: 'object', ...parameters } : { type: 'object', additionalProperties: false };
    const { shape, dropped } = await readSchema(schema, { at, isLoose: true }).catch((cause: unknown) => {
      if (!(cause instanceof JobError)) throw cause;
      return { shape: anyArguments(), dropped: [at] };
    });
    // Arguments are an object, whatever a schema says that contradicts itself or is of another type.
    const objects = leavesOf(shape).filter(({ kind }) => kind === 'object');
    const isOfNoUse = objects.length === 0 || statesFault(shape, model) !== undefined;
    shapes.push({ name, shape: isOfNoUse ? anyArguments() : { kind: 'either', options: objects } });
    ignored.push(...(isOfNoUse ? [at] : dropped));
  }
  if (ignored.length > 0) request.onIgnored?.(ignored);
  return shapes;
}

function tagsOf({ reasoning }: AnswerModel): string[] {
  return reasoning ? [reasoning.open, reasoning.close] : [];
}

function formOf({ stop, messages, reasoning }: GenerateRequest, around: AnswerModel): AnswerForm {
  return {
    stop: [...stop, ...around.stop],
    // Where an assistant message is continued, the space belongs to the text.
    trimSpace: around.trimSpace && messages.at(-1)?.role !== 'assistant',
    ...(around.reasoning && { reasoning: { ...around.reasoning, budget: reasoning?.budget } }),
  };
}

function isForced({ toolChoice }: CountRequest): boolean {
  return toolChoice === 'required' || (typeof toolChoice === 'object' && toolChoice.required);
}

/** @throws JobError invalid_input for a choice of a tool that is not there */
function allowedTools({ tools = [], toolChoice = 'auto' }: CountRequest): readonly Tool[] {
  if (toolChoice === 'none') return [];
  if (toolChoice === 'required' && tools.length === 0)
    throw new JobError('invalid_input', 'tool_choice requires a call, but there are no tools');
  if (typeof toolChoice === 'string') return tools;
  const missing = toolChoice.names.find((wanted) => !tools.some(({ name }) => name === wanted));
  if (missing !== undefined) throw new JobError('invalid_input', `tool_choice names '${missing}', which is not in tools`);
  return tools.filter(({ name }) => toolChoice.names.includes(name));
}
