const UINT32 = 4;
const INT32 = 5;
const FLOAT32 = 6;
const BOOLEAN = 7;
const STRING = 8;
const ARRAY = 9;
const F32 = 0;
const Q8_0 = 8;

/** A float, where a whole number would be written as one. */
export interface Float {
  float: number;
}
export type Fields = Record<string, number | string | boolean | Float | readonly number[] | readonly string[]>;

/** A GGUF file, version 3, of these fields and nothing else, unless `tensors` follow as `tensorList` makes them. */
export function ggufFile(fields: Fields, tensors: readonly Buffer[] = []): Buffer {
  const entries = Object.entries(fields).map(([name, value]) => Buffer.concat([text(name), ...valueOf(value)]));
  const start = [Buffer.from('GGUF'), u32(3), u64(tensors.length), u64(entries.length)];
  const header = Buffer.concat([...start, ...entries, ...tensors]);
  return Buffer.concat([header, Buffer.alloc((32 - (header.length % 32)) % 32)]);
}

export interface Shape {
  architecture: string;
  vocabulary: number;
  width: number;
  feedForward: number;
  layers: number;
  heads: number;
  cachedHeads: number;
  headWidth: number;
  context: number;
}

/** The header of a model without its tensors' bytes, which is all that an estimate needs, the engine's too. */
export function headerOnly(shape: Shape): Buffer {
  const { architecture, vocabulary, width, heads, headWidth } = shape;
  const own: Fields = {
    context_length: shape.context,
    embedding_length: width,
    block_count: shape.layers,
    feed_forward_length: shape.feedForward,
    'attention.head_count': heads,
    'attention.head_count_kv': shape.cachedHeads,
    'attention.key_length': headWidth,
    'attention.value_length': headWidth,
    'attention.layer_norm_rms_epsilon': { float: 1e-5 },
  };
  const fields: Fields = {
    'general.architecture': architecture,
    ...Object.fromEntries(Object.entries(own).map(([name, value]) => [`${architecture}.${name}`, value])),
    'tokenizer.ggml.model': 'gpt2',
    'tokenizer.ggml.pre': 'default',
    'tokenizer.ggml.tokens': Array.from({ length: vocabulary }, (_, index) => `t${index}`),
    'tokenizer.ggml.token_type': Array.from({ length: vocabulary }, () => 1),
    'tokenizer.ggml.merges': ['t 1'],
    'tokenizer.ggml.eos_token_id': 1,
  };
  return ggufFile(fields, tensorList(tensorsOf(shape)));
}

/**
 * A small BERT with weights that are always the same, which an engine loads: it turns text into vectors.
 * @param own further fields, such as its pooling
 */
export function smallBert(words: readonly string[], { own = {}, ranks = false }: { own?: Fields; ranks?: boolean } = {}): Buffer {
  const [width, feedForward, context] = [32, 64, 64];
  const pair = (name: string, rows: number, columns?: number): Tensor[] => [
    [`${name}.weight`, columns === undefined ? [rows] : [rows, columns]],
    [`${name}.bias`, [columns ?? rows]],
  ];
  const tokens = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', ...words.map((word) => `\u2581${word}`)];
  const tensors: Tensor[] = [
    ['token_embd.weight', [width, tokens.length]],
    ['position_embd.weight', [width, context]],
    ['token_types.weight', [width, 2]],
    ...pair('token_embd_norm', width),
    ...['attn_q', 'attn_k', 'attn_v', 'attn_output'].flatMap((name) => pair(`blk.0.${name}`, width, width)),
    ...pair('blk.0.attn_output_norm', width),
    ...pair('blk.0.ffn_up', width, feedForward),
    ...pair('blk.0.ffn_down', feedForward, width),
    ...pair('blk.0.layer_output_norm', width),
    ...(ranks ? [...pair('cls', width, width), ...pair('cls.output', width, 1)] : []),
  ];
  const fields: Fields = {
    'general.architecture': 'bert',
    'bert.context_length': context,
    'bert.embedding_length': width,
    'bert.block_count': 1,
    'bert.feed_forward_length': feedForward,
    'bert.attention.head_count': 2,
    'bert.attention.layer_norm_epsilon': { float: 1e-12 },
    'bert.attention.causal': false,
    'tokenizer.ggml.model': 'bert',
    'tokenizer.ggml.pre': 'default',
    'tokenizer.ggml.tokens': tokens,
    'tokenizer.ggml.token_type': tokens.map((token) => (token.startsWith('[') ? 3 : 1)),
    'tokenizer.ggml.token_type_count': 2,
    'tokenizer.ggml.padding_token_id': 0,
    'tokenizer.ggml.unknown_token_id': 1,
    'tokenizer.ggml.bos_token_id': 2,
    'tokenizer.ggml.eos_token_id': 3,
    'tokenizer.ggml.seperator_token_id': 3,
    ...own,
  };
  return Buffer.concat([ggufFile(fields, floatList(tensors)), ...tensors.map(randomFloats)]);
}

function floatList(tensors: readonly Tensor[]): Buffer[] {
  let offset = 0;
  return tensors.map(([name, dimensions]) => {
    const start = offset;
    offset += Math.ceil((weightsOf(dimensions) * 4) / 32) * 32;
    return Buffer.concat([text(name), u32(dimensions.length), ...dimensions.map(u64), u32(F32), u64(start)]);
  });
}

function randomFloats([name, dimensions]: Tensor): Buffer {
  const weights = weightsOf(dimensions);
  const bytes = Buffer.alloc(Math.ceil((weights * 4) / 32) * 32);
  const isNorm = name.includes('norm.weight');
  let seed = [...name].reduce((sum, letter) => (sum * 31 + (letter.codePointAt(0) ?? 0)) % 2_147_483_647, 7);
  for (let index = 0; index < weights; index += 1) {
    seed = (seed * 48_271) % 2_147_483_647;
    bytes.writeFloatLE(isNorm ? 1 : (seed / 2_147_483_647 - 0.5) / 2, index * 4);
  }
  return bytes;
}

function weightsOf(dimensions: readonly number[]): number {
  return dimensions.reduce((product, length) => product * length, 1);
}

type Tensor = [name: string, dimensions: number[]];

function tensorsOf({ vocabulary, width, feedForward, layers, heads, cachedHeads, headWidth, architecture }: Shape): Tensor[] {
  const layer = (index: number): Tensor[] =>
    [
      ['attn_norm', [width]],
      ['attn_q', [width, heads * headWidth]],
      ['attn_k', [width, cachedHeads * headWidth]],
      ['attn_v', [width, cachedHeads * headWidth]],
      ['attn_output', [heads * headWidth, width]],
      ...(architecture === 'qwen3' ? [['attn_q_norm', [headWidth]] as Tensor, ['attn_k_norm', [headWidth]] as Tensor] : []),
      ['ffn_norm', [width]],
      ['ffn_gate', [width, feedForward]],
      ['ffn_up', [width, feedForward]],
      ['ffn_down', [feedForward, width]],
    ].map(([name, dimensions]) => [`blk.${index}.${String(name)}`, dimensions] as Tensor);
  return [
    ['token_embd', [width, vocabulary]],
    ...Array.from({ length: layers }, (_, index) => layer(index)).flat(),
    ['output_norm', [width]],
    ['output', [width, vocabulary]],
  ];
}

function tensorList(tensors: readonly Tensor[]): Buffer[] {
  let offset = 0;
  return tensors.map(([name, dimensions]) => {
    const isVector = dimensions.length === 1;
    const start = offset;
    const weights = weightsOf(dimensions);
    offset += Math.ceil((isVector ? weights * 4 : (weights / 32) * 34) / 32) * 32;
    const shape = [u32(dimensions.length), ...dimensions.map(u64), u32(isVector ? F32 : Q8_0)];
    return Buffer.concat([text(`${name}.weight`), ...shape, u64(start)]);
  });
}

function valueOf(value: Fields[string]): Buffer[] {
  if (typeof value === 'string') return [u32(STRING), text(value)];
  if (typeof value === 'boolean') return [u32(BOOLEAN), Buffer.of(Number(value))];
  if (typeof value === 'number') return [u32(UINT32), u32(value)];
  if ('float' in value) {
    const bytes = Buffer.alloc(4);
    bytes.writeFloatLE(value.float);
    return [u32(FLOAT32), bytes];
  }
  const isTexts = typeof value[0] === 'string';
  const items = value.map((each) => (typeof each === 'string' ? text(each) : u32(each)));
  return [u32(ARRAY), u32(isTexts ? STRING : INT32), u64(value.length), ...items];
}

export function text(value: string): Buffer {
  return Buffer.concat([u64(Buffer.byteLength(value)), Buffer.from(value)]);
}

export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

export function u64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}
