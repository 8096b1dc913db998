import type {
  ChatMessage,
  DeviceKind,
  GpuProbe,
  Reasoning,
  TokenLogprob,
  Tool,
  ToolCall,
  ToolChoice,
  ToolForm,
} from '../../contract/index.ts';

export interface LoadOptions {
  /** A .gguf file. */
  modelPath: string;
  /** What to compute with. */
  worker: DeviceKind;
  /** Requests served at once, 1–256. */
  slots: number;
  /** Tokens a slot may hold. Undefined: the model's own limit, but at most DEFAULT_CONTEXT_TOKENS. */
  contextSize: number | undefined;
  /** CPU threads to compute with. */
  threads: number;
  signal: AbortSignal;
  /** Share of the weights that is loaded, 0–1. */
  onLoadProgress(fraction: number): void;
  /** Called at once whenever `slotsUsed` changes. */
  onSlotsChange(): void;
}

/** Text that a model continues, or fills in a gap of. */
export interface RawText {
  text: string;
  /** What comes after the answer. */
  suffix?: string | undefined;
}

/** A prompt without a chat template, as text or as token ids. */
export type RawPrompt = RawText | { tokens: readonly number[] };

export interface GenerateRequest {
  messages: ChatMessage[];
  /** In place of messages, of which there are none then, and without tools. */
  raw?: RawPrompt | undefined;
  /** Undefined: until the model stops or its slot is full. */
  maxTokens: number | undefined;
  /** 0 always takes the likeliest token; then the three below and the seed make no difference. Undefined, here and below: the default. */
  temperature: number | undefined;
  topP: number | undefined;
  topK: number | undefined;
  minP: number | undefined;
  penalties?: Penalties;
  /** Report with each piece of text the model's own probabilities of its tokens and of so many of the likeliest ones; not with a grammar. */
  logprobs?: { top: number } | undefined;
  /** Added to the scores of tokens, by id. */
  bias?: Readonly<Record<string, number>> | undefined;
  seed: number;
  /** The answer ends before any of these; they are never part of it. */
  stop: readonly string[];
  /** JSON Schema that the answer must match. */
  jsonSchema: Record<string, unknown> | undefined;
  /** What cannot be enforced of the schema is ignored when true; otherwise it is refused. */
  isSchemaLoose?: boolean;
  /** Called with the places in schemas that are ignored, before anything is computed. */
  onIgnored?: (places: readonly string[]) => void;
  /** Tools that the answer may call. */
  tools?: readonly Tool[];
  /** Calls it may or must make; with `auto` the model decides. */
  toolChoice?: ToolChoice;
  /** One call an answer at most. */
  isOneCall?: boolean;
  reasoning?: Reasoning;
  /** Further variables for the model's chat template. */
  variables?: Readonly<Record<string, unknown>>;
  /** Called when it begins to wait for a slot, and when it has it: until then nothing is computed for it. */
  onQueue?: (isWaiting: boolean) => void;
}

/** What lowers the scores of tokens that occurred among the recent ones, those of the prompt included. */
export interface Penalties {
  /** Once for each such token. */
  presence?: number | undefined;
  /** For each time it occurred. */
  frequency?: number | undefined;
  /** A score is divided by this; 1 for none. */
  repeat?: number | undefined;
  /** How many tokens are recent. */
  lastTokens?: number | undefined;
}

/** The part of a request that its prompt is made of. */
export type CountRequest = Pick<GenerateRequest, 'messages' | 'raw' | 'tools' | 'toolChoice' | 'reasoning' | 'variables'>;

/** A piece of an answer. Calls are counted from 0; the arguments of a call are a JSON object, in pieces. */
export type AnswerEvent =
  | { kind: 'text'; text: string; logprobs?: TokenLogprob[] }
  | { kind: 'reasoning'; text: string }
  | { kind: 'tool_call'; index: number; id: string; name: string }
  | { kind: 'tool_arguments'; index: number; text: string };

export type GenerationEvent =
  /** The prompt has its slot, which has kept so many of its tokens. Comes first. */
  { kind: 'prompt'; prompt_tokens: number; cached_tokens: number } | AnswerEvent;

export interface Generation {
  /** All pieces of text that were yielded, joined. */
  text: string;
  /** All pieces of reasoning, joined. */
  reasoning?: string;
  toolCalls?: ToolCall[];
  /** Those of all tokens of the text, where they were requested. */
  logprobs?: TokenLogprob[];
  /** 'length' when maxTokens or the end of the context cut it; 'tool_calls' when it ended with calls. */
  finishReason: 'stop' | 'length' | 'tool_calls';
  /** The stop string of the request at which it ended. */
  stopSequence?: string | undefined;
  /** Those of completionTokens that were reasoning. */
  reasoningTokens?: number;
  promptTokens: number;
  /** Prompt tokens that were still in the slot's KV cache and were not computed again. Undefined where the engine does not report it. */
  cachedTokens?: number;
  completionTokens: number;
  /** From the call to the slot. */
  queueMs: number;
  /** From the slot to the end of the prompt. Undefined where the engine does not report it. */
  prefillMs?: number;
  /** From the call to the first token; null when none came. */
  firstTokenMs: number | null;
  /** Completion tokens over the time from the first to the last of them; 0 when there were fewer than two. */
  tokensPerSecond: number;
}

export interface EmbedRequest {
  /** Texts, or token ids of the model. */
  texts: readonly (string | readonly number[])[];
  /** Undefined: all of them. */
  dimensions: number | undefined;
  /** Whether a text that is too long is cut at its end, instead of refused. */
  truncate?: boolean | undefined;
  /** All vectors together may have this many. */
  mostNumbers: number;
}

export interface Embeddings {
  /** A unit vector for each text. */
  vectors: Float32Array[];
  /** Of all texts together. */
  promptTokens: number;
}

export interface RankRequest {
  query: string;
  documents: readonly string[];
}

export interface Ranking {
  /** 0–1 for each document. */
  scores: number[];
  /** Of the query and the document, for all documents together. */
  promptTokens: number;
}

/** One loaded model. Requests beyond its slots wait in order, first come, first served. */
export interface Engine {
  readonly slots: number;
  readonly slotsUsed: number;
  /** Tokens a slot holds, prompt and answer together. */
  readonly contextSize: number;
  /** How the model writes calls of tools; undefined for one that writes no text. */
  readonly toolForm: ToolForm | undefined;
  /** Completion tokens generated since the load, over all slots. */
  readonly tokensGenerated: number;
  /** Steps computed since the load. It keeps growing as long as there is a request: a worker whose steps stand still is stuck. */
  readonly steps: number;

  /** Resident memory of all processes of the engine, this one included. */
  memoryBytes(): number;

  /**
   * Yields the answer in pieces (never half a character), then returns how it went.
   * On abort it frees its slot at the next step and throws the signal's reason.
   * @throws JobError prompt_too_long (with the prompt's token count and the limit), worker_busy (queue full),
   *   invalid_input (a schema that no grammar can express), engine_failed
   */
  generate(request: GenerateRequest, signal: AbortSignal): AsyncGenerator<GenerationEvent, Generation, void>;

  /** How many tokens `generate` would find in this prompt. Takes no slot. @throws JobError invalid_input */
  countTokens(request: CountRequest, signal: AbortSignal): Promise<number>;

  /** @throws JobError prompt_too_long, invalid_input, engine_failed; the signal's reason */
  embed(request: EmbedRequest, signal: AbortSignal): Promise<Embeddings>;

  /** @throws JobError prompt_too_long, invalid_input for a model that does not rank, engine_failed; the signal's reason */
  rank(request: RankRequest, signal: AbortSignal): Promise<Ranking>;

  /** Ends running requests with engine_failed and frees the memory. */
  close(): Promise<void>;
}

/**
 * @throws JobError model_not_found, model_corrupt, model_too_large, device_not_found, invalid_input (a context that the model was
 *   not trained on), engine_failed
 */
export type LoadEngine = (options: LoadOptions) => Promise<Engine>;

/** One kind of engine. */
export interface EngineModule {
  load: LoadEngine;
  /**
   * The GPUs of a kind that this engine can use in the environment of this process.
   * @param modelPath a model to compute a few tokens with first. Where a driver does not suit the engine, that ends the process
   * @throws JobError device_not_found
   */
  describeGpus(kind: DeviceKind, modelPath?: string): Promise<GpuProbe>;
}
