import { setImmediate } from 'node:timers/promises';
import type { LlamaGrammarEvaluationState, LlamaModel } from 'node-llama-cpp';
import { JobError, textOf, type Tool } from '../../../contract/index.ts';
import type { CountRequest, GenerateRequest } from '../engine.ts';
import { answerGrammar, type AnswerGrammar } from './answer-grammar.ts';
import { AnswerReader, type AnswerForm, type ReadsAnswer } from './answer-reader.ts';
import { typesOfArgument } from './calls/argument-types.ts';
import type { CallForm } from './calls/call-form.ts';
import { anyArguments, type CallTool } from './calls/call-grammar.ts';
import { written } from './calls/form-text.ts';
import type { TypesOf } from './calls/call-reader.ts';
import { channelMarks, type ChannelForm } from './calls/channels.ts';
import { ChannelReader } from './channel-reader.ts';
import { checkJson, compile, jsonShapeOf, statesFault } from './json-grammar.ts';
import type { LlamaModule } from './llama-module.ts';
import { leavesOf } from './schema/possible.ts';
import { readSchema } from './schema/schema-reader.ts';
import type { Shape } from './schema/shape.ts';

export interface AnswerPlan {
  /** Text that the prompt ends with, control tokens by their names: the beginning of a call that has to be made. */
  begun: string;
  reader: ReadsAnswer;
  /** Tags and other texts that the reader looks for. Where they are control tokens, it needs their names. */
  marks: readonly string[];
  /** The grammar that holds at the next token. */
  grammar: (() => LlamaGrammarEvaluationState | undefined) | undefined;
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
  /** Of a model that writes answers as messages in channels. */
  channels: ChannelForm | undefined;
  signal: AbortSignal;
}

/** Grammars of the parts of an answer: where it is text, in it from the start or behind reasoning, and in a call. */
interface Grammars {
  start?: LlamaGrammarEvaluationState;
  later?: LlamaGrammarEvaluationState;
  call?: LlamaGrammarEvaluationState;
}

/**
 * How an answer is steered and read: by the grammar of a schema or of calls of tools, which begins where reasoning ends.
 *
 * @throws JobError invalid_input; the signal's reason
 */
export async function answerPlanOf(request: GenerateRequest, model: AnswerModel): Promise<AnswerPlan> {
  const tools = await shapesOf(allowedTools(request), request, model);
  const isForcedCall = tools.length > 0 && isForced(request);
  const { calls } = model;
  const around = isForcedCall ? { ...model, calls: { ...calls, before: written(calls.before) } } : model;
  const json = isForcedCall ? undefined : await shapeOfText(request, around.model);
  const reader = around.channels
    ? channelReader(request, around.channels, { around, tools, json })
    : new AnswerReader(formOf(request, { around, tools, json }));
  const grammars = await grammarsOf(request, { around, tools, json });
  return {
    begun: begunOf(request, around),
    reader,
    marks: marksOf(around, tools),
    grammar: Object.keys(grammars).length === 0 ? undefined : () => grammarAt(reader, grammars),
    check(text) {
      if (json && !reader.hasCalled) checkJson(text);
    },
  };
}

interface Steering {
  around: AnswerModel;
  tools: readonly CallTool[];
  /** What text has to be. */
  json: Shape | undefined;
}

async function grammarsOf(request: GenerateRequest, { around, tools, json }: Steering): Promise<Grammars> {
  const { reasoning, channels } = around;
  const form = channels ?? around.calls;
  const isParallel = request.isOneCall !== true;
  const isForcedCall = tools.length > 0 && isForced(request);
  // Text and calls are distinguished by one grammar, unless a channel says which it is.
  const isTogether = json !== undefined && tools.length > 0 && !channels;
  const called = (begun: string) => tools.length > 0 && { calls: { form, tools, isParallel, begun } };
  const state = (grammar: AnswerGrammar | false) => grammar && stateOf(grammar, request, around);
  const texts = json && { json, ...(isTogether && called('')) };
  const mayReason = reasoning && !channels && !reasoning.startsOpen && request.reasoning?.on !== false;
  const start = await state(texts !== undefined && { ...texts, ...(mayReason && { opens: reasoning.open }) });
  const later = await state(texts !== undefined && reasoning !== undefined && !channels && { ...texts, isLater: true });
  const begun = isForcedCall ? around.calls.before : around.calls.trigger;
  const call = await state(!isTogether && called(begun));
  return { ...(start && { start }), ...(later && { later }), ...(call && { call }) };
}

/** A grammar that is too large holds the names of the tools, and any arguments. */
async function stateOf(
  grammar: AnswerGrammar,
  request: GenerateRequest,
  { module, model }: AnswerModel,
): Promise<LlamaGrammarEvaluationState> {
  const { calls } = grammar;
  const compiled = await compile(answerGrammar(grammar), model, calls ? 'tools' : 'json_schema').catch((cause: unknown) => {
    if (!calls || !(cause instanceof JobError) || cause.code !== 'invalid_input') throw cause;
    request.onIgnored?.(['tools']);
    const loose = calls.tools.map(({ name }) => ({ name, shape: anyArguments() }));
    return compile(answerGrammar({ ...grammar, calls: { ...calls, tools: loose } }), model, 'tools');
  });
  return new module.LlamaGrammarEvaluationState({ model, grammar: compiled });
}

function grammarAt(
  { place, reasoningTokens }: ReadsAnswer,
  { start, later, call }: Grammars,
): LlamaGrammarEvaluationState | undefined {
  const text = reasoningTokens > 0 ? (later ?? start) : start;
  if (place === 'call') return call ?? text;
  return place === 'text' || place === 'start' ? text : undefined;
}

/** The beginning of a call that has to be made, which the prompt ends with. A model that reasons first writes it itself. */
export function begunOf(
  request: CountRequest,
  { reasoning, calls, channels }: Pick<AnswerModel, 'reasoning' | 'calls' | 'channels'>,
): string {
  if (allowedTools(request).length === 0 || !isForced(request) || reasoning?.startsOpen) return '';
  return channels?.call ?? written(calls.before);
}

/** What the text of an answer has to be; undefined for any text. */
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

function marksOf({ reasoning, calls, channels }: AnswerModel, tools: readonly CallTool[]): string[] {
  if (channels) return channelMarks(channels);
  const { before, infix, between, after, parameters } = calls;
  const ofParameters = parameters ? [parameters.open, ...Object.values(parameters.middle), parameters.close] : [];
  return [
    ...(reasoning ? [reasoning.open, reasoning.close] : []),
    ...(tools.length > 0 ? [before, infix, between, after, ...ofParameters] : []),
  ];
}

function formOf(request: GenerateRequest, { around, tools, json }: Steering): AnswerForm {
  const { stop, messages, reasoning } = request;
  const { calls: form } = around;
  const beginnings = tools.map(({ name }) => form.before + name + form.infix);
  return {
    stop: [...stop, ...around.stop],
    // Where an assistant message is continued, the space belongs to the text.
    trimSpace: around.trimSpace && messages.at(-1)?.role !== 'assistant',
    isSteered: json !== undefined,
    ...(around.reasoning && { reasoning: { ...around.reasoning, budget: reasoning?.budget } }),
    ...(tools.length > 0 && {
      calls: { form, isForced: isForced(request), typesOf: typesIn(tools), beginnings },
    }),
  };
}

function channelReader(request: GenerateRequest, form: ChannelForm, { around, tools, json }: Steering): ChannelReader {
  const { stop, messages, reasoning } = request;
  const last = messages.at(-1);
  const continuesText = last?.role === 'assistant' && last.tool_calls === undefined && textOf(last) !== '';
  return new ChannelReader({
    form,
    stop: [...stop, ...around.stop],
    trimSpace: around.trimSpace && last?.role !== 'assistant',
    startsIn: around.reasoning?.startsOpen ? 'reasoning' : continuesText ? 'text' : 'header',
    budget: reasoning?.budget,
    ...(tools.length > 0 && { calls: { isForced: isForced(request) } }),
    isFinalOnly: json !== undefined,
  });
}

function typesIn(tools: readonly CallTool[]): TypesOf {
  return (name, key) => typesOfArgument(tools.find((tool) => tool.name === name)?.shape, key);
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
