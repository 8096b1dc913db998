import { setImmediate } from 'node:timers/promises';
import assert from 'node:assert/strict';
import type { Worker } from 'node:worker_threads';
import type { Llama, LlamaContext, LlamaModel } from 'node-llama-cpp';
import {
  BATCH_TOKENS,
  DEFAULT_CONTEXT_TOKENS,
  GPU_BATCH_TOKENS,
  JobError,
  requireContext,
  type ErrorCode,
} from '../../../contract/index.ts';
import type { Engine, LoadEngine, LoadOptions } from '../engine.ts';
import { openBackend } from './backend.ts';
import { chatFormatOf } from './chat-format.ts';
import { Embedder } from './embedder.ts';
import { EmbeddingEngine } from './embedding-engine.ts';
import { EngineLog } from './engine-log.ts';
import { LlamaEngine } from './llama-engine.ts';
import { importLlama, type LlamaModule } from './llama-module.ts';
import { checkMemory } from './memory-need.ts';
import { checkPreamble, readModelFile, writesText } from './model-file.ts';
import { inSlotOrder } from './slot.ts';
import { startRenderer } from './template/thread.ts';

/**
 * Weights that justify another thread. llama.cpp's threads wait for each other in busy loops after every operation; with little
 * to compute, that is all they do (the 2 MB model on two busy cores: 1.3 ms a token with one thread, 7 to 30 ms with two).
 */
const WEIGHTS_BYTES_PER_THREAD = 32 * 1024 ** 2;

/** Loads a .gguf file into this process. */
export const loadLlama: LoadEngine = async (options) => {
  const { slots, worker, threads, modelPath, signal } = options;
  assert(Number.isInteger(slots) && slots >= 1 && slots <= 256, 'slots must be 1 to 256');
  assert(Number.isInteger(threads) && threads >= 1, 'threads must be 1 or more');
  signal.throwIfAborted();
  await checkPreamble(modelPath);
  const renderer = startRenderer();
  try {
    const log = new EngineLog();
    const module = await importLlama();
    const llama = await openBackend(module, { worker, threads, log });
    try {
      return await loadInto(llama, { module, log, options, renderer });
    } catch (cause) {
      // Not awaited: the library does not dispose of a model or context that failed to open, and dispose() waits for it.
      llama.dispose().catch((error: unknown) => log.record(true, String(error)));
      signal.throwIfAborted();
      throw cause;
    }
  } catch (cause) {
    await renderer.terminate();
    throw cause;
  }
};

interface Loading {
  module: LlamaModule;
  log: EngineLog;
  options: LoadOptions;
  renderer: Worker;
}

async function loadInto(llama: Llama, { module, log, options, renderer }: Loading): Promise<Engine> {
  const { modelPath, slots, worker, threads, signal } = options;
  const insights = await readModelFile(modelPath, module, llama);
  const contextSize = contextSizeOf(options.contextSize, insights.trainContextSize ?? DEFAULT_CONTEXT_TOKENS);
  const chunkSize = worker === 'cpu' ? BATCH_TOKENS : GPU_BATCH_TOKENS;
  const shape = {
    contextSize,
    slots,
    // A step is either one token a slot or one chunk.
    batchSize: Math.max(chunkSize, slots),
    gpuLayers: worker === 'cpu' ? 0 : insights.totalLayers,
    // On the CPU it reads prompts a third faster, generates a third slower in long contexts, and computes a prompt in pieces
    // differently from the whole prompt. On a GPU nothing is exact to the last bit, and it is faster.
    flashAttention: worker === 'cpu' ? (false as const) : ('auto' as const),
  };
  const usefulThreads = Math.ceil(insights.modelSize / WEIGHTS_BYTES_PER_THREAD);
  const canWrite = writesText(insights);
  // A text is computed in one batch, one after another.
  const embedding = { ...shape, slots: 1, batchSize: contextSize };
  await checkMemory(insights, llama, canWrite ? shape : embedding);
  const model = await llama
    .loadModel({
      modelPath,
      // Not the number: for a number the library first opens a context of the model's full length, without tensors, and a GPU
      // that cannot hold one ends the process.
      gpuLayers: worker === 'cpu' ? 0 : 'max',
      loadSignal: signal,
      onLoadProgress: (fraction) => options.onLoadProgress(Math.min(1, fraction)),
      // checkMemory is more accurate: the library counts page cache as used.
      ignoreMemorySafetyChecks: true,
    })
    .catch(async (cause: unknown) => {
      throw await failure(cause, { log, code: 'model_corrupt' });
    });
  const embedder = new Embedder({
    model,
    contextSize,
    threads: Math.min(threads, usefulThreads),
    checkMemory: () => checkMemory(insights, llama, { ...embedding, isLoaded: true }),
    onFailure: (cause) => new JobError('engine_failed', `The engine failed: ${String(cause)}${log.summary()}`, { cause }),
  });
  const onSlotsChange = () => options.onSlotsChange();
  if (!canWrite) {
    await renderer.terminate();
    return new EmbeddingEngine({ llama, model, embedder, slots, contextSize, onSlotsChange });
  }
  try {
    const opening = openContext(model, { ...shape, threads: Math.min(threads, usefulThreads), signal });
    const [format, context] = await Promise.all([chatFormatOf(model, renderer), opening]).catch(async (cause: unknown) => {
      // The model is disposed of next, and nothing may use it then.
      await opening.catch(() => undefined);
      throw cause;
    });
    return new LlamaEngine({ module, llama, model, context, format, embedder, log, contextSize, chunkSize, onSlotsChange });
  } catch (cause) {
    throw cause instanceof JobError ? cause : await failure(cause, { log, code: 'engine_failed' });
  }
}

async function failure(cause: unknown, { log, code }: { log: EngineLog; code: ErrorCode }): Promise<JobError> {
  // llama.cpp's log arrives one turn after its error.
  await setImmediate();
  const message = `${cause instanceof Error ? cause.message : String(cause)}${log.summary()}`;
  // checkMemory estimates, and other processes use memory too.
  return new JobError(/\balloc|out of memory/i.test(message) ? 'model_too_large' : code, message, { cause });
}

interface ContextShape {
  contextSize: number;
  slots: number;
  batchSize: number;
  flashAttention: false | 'auto';
  threads: number;
  signal: AbortSignal;
}

function openContext(model: LlamaModel, { slots, signal, ...shape }: ContextShape): Promise<LlamaContext> {
  return model.createContext({
    contextSize: shape.contextSize,
    batchSize: shape.batchSize,
    flashAttention: shape.flashAttention,
    threads: shape.threads,
    sequences: slots,
    createSignal: signal,
    ignoreMemorySafetyChecks: true,
    // Otherwise it silently opens a smaller context.
    failedCreationRemedy: false,
    batching: { itemPrioritizationStrategy: inSlotOrder },
  });
}

function contextSizeOf(asked: number | undefined, limit: number): number {
  if (asked === undefined) return Math.min(limit, DEFAULT_CONTEXT_TOKENS);
  requireContext(asked, limit);
  return asked;
}
