import {
  BATCH_TOKENS,
  CACHE_STEP_TOKENS,
  DEFAULT_CONTEXT_TOKENS,
  GPU_BATCH_TOKENS,
  roundUp,
  type ModelMemory,
} from '../../contract/index.ts';
import type { FieldValue, GgufHeader } from './gguf-header.ts';

const BYTES_PER_FLOAT = 4;
const BYTES_PER_HALF = 2;
/** Measured: rows of the embedding's width that are held beside the attention's scores, and beside the logits. */
const ROWS_BESIDE = { scores: 6, logits: 2, logitsOnGpu: 12 };
const LAYERS_LIMIT = 1024;
/** Their state is of one size, however long the text. */
const RECURRENT = /mamba|rwkv/;

/**
 * Every so many layers one sees the whole text and the others a window of it: what llama.cpp knows of architectures
 * (`set_swa_pattern`) whose files do not say it themselves.
 */
const WINDOW_PATTERNS: Readonly<Record<string, number>> = {
  cohere2: 4,
  exaone4: 4,
  gemma2: 2,
  gemma3: 6,
  gemma3n: 5,
  'gpt-oss': 2,
  llama4: 4,
  olmo2: 4,
};

const ARCHITECTURE = 'general.architecture';
const VOCABULARY = 'tokenizer.ggml.tokens';
/** A model is described as a whole: without this field, or not at all. */
export const PARTS_FIELD = 'split.count';
const shapeFields = [
  'context_length',
  'embedding_length',
  'block_count',
  'full_attention_interval',
  'attention.head_count',
  'attention.head_count_kv',
  'attention.key_length',
  'attention.value_length',
  'attention.shared_kv_layers',
  'attention.sliding_window',
  'attention.sliding_window_pattern',
] as const;
type ShapeField = (typeof shapeFields)[number];
const wanted: ReadonlySet<string> = new Set(shapeFields);

/** Whether the estimate needs this field of a header. The architecture's name stands before most. */
export function isMemoryField(name: string): boolean {
  return [ARCHITECTURE, VOCABULARY, PARTS_FIELD].includes(name) || wanted.has(name.slice(name.indexOf('.') + 1));
}

/**
 * What loading a model takes. Undefined where its header does not say enough, and for one of several parts, whose other
 * weights lie elsewhere.
 *
 * KV cache: keys and values of every layer that keeps them, 2 bytes a number; of a layer with a window only its share of the
 * default context. Room to compute a batch: whatever is larger, the attention's scores (a number a head and cached token,
 * and the mask) or the logits, with a few rows of the embedding's width, 4 bytes a number. A GPU keeps no scores (flash
 * attention). Checked against llama.cpp's own figures (test/memory-estimate.test.ts, test/vulkan.test.ts).
 */
export function estimateMemory({ fields, tensorBytes }: Pick<GgufHeader, 'fields' | 'tensorBytes'>): ModelMemory | undefined {
  const architecture = fields.get(ARCHITECTURE);
  if (typeof architecture !== 'string' || numberOr(fields.get(PARTS_FIELD), 1) > 1) return undefined;
  const shape = new Shape(architecture, (name) => fields.get(`${architecture}.${name}`));
  const { contextLength, width, layers } = shape;
  const vocabulary = numberOr(fields.get(VOCABULARY), 0);
  if (contextLength === 0 || width === 0 || layers === 0 || layers > LAYERS_LIMIT) return undefined;
  const context = Math.min(contextLength, DEFAULT_CONTEXT_TOKENS);
  const widest = Math.max(width, shape.heads * shape.keyLength);
  const scores = context * (shape.heads + 1) + ROWS_BESIDE.scores * widest;
  const logits = vocabulary + ROWS_BESIDE.logits * width;
  const memory = {
    weights_bytes: tensorBytes,
    kv_bytes_per_token: Math.ceil(kvBytesPerToken(shape, context)),
    compute_bytes: Math.ceil(BATCH_TOKENS * BYTES_PER_FLOAT * Math.max(scores, logits)),
    gpu_compute_bytes: Math.ceil(GPU_BATCH_TOKENS * BYTES_PER_FLOAT * (vocabulary + ROWS_BESIDE.logitsOnGpu * widest)),
    context_length: contextLength,
  };
  return Object.values(memory).every(Number.isSafeInteger) ? { ...memory, architecture } : undefined;
}

function kvBytesPerToken(shape: Shape, context: number): number {
  const windowShare = Math.min(1, roundUp(shape.window + BATCH_TOKENS, CACHE_STEP_TOKENS) / context);
  let bytes = 0;
  for (let layer = 0; layer < shape.layers; layer += 1) {
    const perToken = shape.cachedNumbers(layer) * BYTES_PER_HALF;
    bytes += perToken * (shape.hasWindow(layer) ? windowShare : 1);
  }
  return bytes;
}

type Value = FieldValue | undefined;

/** The fields of one architecture, as numbers that can be reckoned with. */
class Shape {
  readonly #field: (name: ShapeField) => Value;
  readonly #architecture: string;

  constructor(architecture: string, field: (name: ShapeField) => Value) {
    this.#architecture = architecture;
    this.#field = field;
  }

  get contextLength(): number {
    return numberOr(this.#field('context_length'), 0);
  }
  get width(): number {
    return numberOr(this.#field('embedding_length'), 0);
  }
  get layers(): number {
    return numberOr(this.#field('block_count'), 0);
  }
  get window(): number {
    return numberOr(this.#field('attention.sliding_window'), 0);
  }
  /** Of the layer that has most. */
  get heads(): number {
    const heads = this.#field('attention.head_count');
    return Array.isArray(heads) ? Math.max(0, ...heads.map((each) => numberOr(each, 0))) : numberOr(heads, 0);
  }
  get keyLength(): number {
    return numberOr(this.#field('attention.key_length'), this.#headWidth);
  }
  get #headWidth(): number {
    return this.heads === 0 ? 0 : this.width / this.heads;
  }

  /** Keys and values that the layer keeps of one token. */
  cachedNumbers(layer: number): number {
    const shared = numberOr(this.#field('attention.shared_kv_layers'), 0);
    const interval = numberOr(this.#field('full_attention_interval'), 1);
    const keepsNone = RECURRENT.test(this.#architecture) || layer >= this.layers - shared || (layer + 1) % interval !== 0;
    if (keepsNone) return 0;
    const counts = this.#field('attention.head_count_kv');
    const heads = numberOr(Array.isArray(counts) ? counts[layer] : counts, this.heads, { zero: true });
    return heads * (this.keyLength + numberOr(this.#field('attention.value_length'), this.#headWidth));
  }

  hasWindow(layer: number): boolean {
    if (this.window === 0) return false;
    const pattern = this.#field('attention.sliding_window_pattern');
    if (Array.isArray(pattern)) return Boolean(pattern[layer]);
    const every = numberOr(pattern, WINDOW_PATTERNS[this.#architecture] ?? 1);
    return layer % every < every - 1;
  }
}

/** A whole number above zero, or else the other one. */
function numberOr(value: Value, otherwise: number, { zero = false } = {}): number {
  return typeof value === 'number' && Number.isSafeInteger(value) && (value > 0 || (zero && value === 0)) ? value : otherwise;
}
