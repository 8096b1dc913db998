import { readFile, writeFile } from 'node:fs/promises';
import { tinyModel } from '../lone-daemon.ts';
import { FLOAT32, int32sOf, numberField, readFields, textOf, u32, u64, UINT32 } from './gguf-header.ts';

/** About 100 million weights in all, in the proportions of a small llama. */
const SHAPE = { width: 768, blocks: 12, feedForward: 2560, heads: 12, context: 1024 };
const ALIGNMENT_BYTES = 32;
const F32 = 0;
const Q8_0 = 8;
/** A Q8_0 block: 32 weights of one byte, and before them what they are multiplied by, as a half-precision float. */
const BLOCK_WEIGHTS = 32;
const BLOCK_BYTES = 2 + BLOCK_WEIGHTS;
/** 2^-12 in half precision: weights with a standard deviation of 0.018. */
const SCALE = 0x0c00;
const CONTROL_TOKEN = 3;

interface Tensor {
  name: string;
  type: typeof F32 | typeof Q8_0;
  /** Length of a row first, as the format has it. */
  shape: number[];
  bytes: Buffer;
}

/**
 * Writes a llama with random weights, always the same, and the vocabulary of the model `tiny`. It speaks nonsense at the
 * speed of any model of its size, and never ends by itself: its control tokens are never the likeliest.
 * @returns its size in bytes
 */
export async function writeRandomModel(path: string): Promise<number> {
  const fields = [...readFields(await readFile(tinyModel))];
  const tokenTypes = fields.find(([name]) => name === TOKEN_TYPES)?.[1];
  if (tokenTypes === undefined) throw new Error(`${tinyModel} does not say what its tokens are`);
  const kept = fields.filter(([name]) => name.startsWith('general.') || name.startsWith('tokenizer.')).map(([, bytes]) => bytes);
  const header = [...kept, ...shapeFields()];
  const tensors = tensorsOf(int32sOf(TOKEN_TYPES, tokenTypes));
  const file = Buffer.concat([
    Buffer.from('GGUF'),
    u32(3),
    u64(tensors.length),
    u64(header.length),
    ...header,
    ...tensorList(tensors),
  ]);
  const bytes = Buffer.concat([padded(file), ...tensors.map((tensor) => padded(tensor.bytes))]);
  await writeFile(path, bytes);
  return bytes.length;
}

const TOKEN_TYPES = 'tokenizer.ggml.token_type';

function shapeFields(): Buffer[] {
  const { width, blocks, feedForward, heads, context } = SHAPE;
  const numbers: Record<string, number> = {
    context_length: context,
    embedding_length: width,
    block_count: blocks,
    feed_forward_length: feedForward,
    'attention.head_count': heads,
    'attention.head_count_kv': heads,
    'rope.dimension_count': width / heads,
  };
  return [
    ...Object.entries(numbers).map(([name, value]) => numberField(`llama.${name}`, UINT32, value)),
    numberField('llama.attention.layer_norm_rms_epsilon', FLOAT32, 1e-5),
  ];
}

function tensorsOf(tokenTypes: readonly number[]): Tensor[] {
  const { width, blocks, feedForward } = SHAPE;
  const vocabulary = tokenTypes.length;
  const square = [width, width];
  const block = (index: number) => [
    ones(`blk.${index}.attn_norm.weight`, width),
    ...['attn_q', 'attn_k', 'attn_v', 'attn_output'].map((name) => random(`blk.${index}.${name}.weight`, square)),
    ones(`blk.${index}.ffn_norm.weight`, width),
    random(`blk.${index}.ffn_gate.weight`, [width, feedForward]),
    random(`blk.${index}.ffn_up.weight`, [width, feedForward]),
    random(`blk.${index}.ffn_down.weight`, [feedForward, width]),
  ];
  const output = random('output.weight', [width, vocabulary]);
  for (const [token, type] of tokenTypes.entries()) if (type === CONTROL_TOKEN) silence(output, token);
  return [
    random('token_embd.weight', [width, vocabulary]),
    ...Array.from({ length: blocks }, (_, index) => block(index)).flat(),
    ones('output_norm.weight', width),
    output,
  ];
}

function ones(name: string, width: number): Tensor {
  return { name, type: F32, shape: [width], bytes: Buffer.from(new Float32Array(width).fill(1).buffer) };
}

let noise = 1;

function random(name: string, shape: [width: number, rows: number] | number[]): Tensor {
  const blocks = shape.reduce((product, length) => product * length, 1) / BLOCK_WEIGHTS;
  const bytes = Buffer.alloc(blocks * BLOCK_BYTES);
  for (let at = 0; at < bytes.length; at += BLOCK_BYTES) {
    bytes.writeUInt16LE(SCALE, at);
    for (let weight = 2; weight < BLOCK_BYTES; weight += 4) {
      // Xorshift: fast, and random enough for weights.
      noise ^= noise << 13;
      noise ^= noise >>> 17;
      noise ^= noise << 5;
      bytes.writeInt32LE(noise, at + weight);
    }
  }
  return { name, type: Q8_0, shape, bytes };
}

/** All weights of one row become zero, and so its token's chance never one of the best. */
function silence({ bytes, shape: [width = 0] }: Tensor, row: number): void {
  const rowBytes = (width / BLOCK_WEIGHTS) * BLOCK_BYTES;
  bytes.fill(0, row * rowBytes, (row + 1) * rowBytes);
}

function tensorList(tensors: readonly Tensor[]): Buffer[] {
  let offset = 0;
  return tensors.map(({ name, type, shape, bytes }) => {
    const entry = Buffer.concat([textOf(name), u32(shape.length), ...shape.map(u64), u32(type), u64(offset)]);
    offset += padded(bytes).length;
    return entry;
  });
}

function padded(bytes: Buffer): Buffer {
  const missing = (ALIGNMENT_BYTES - (bytes.length % ALIGNMENT_BYTES)) % ALIGNMENT_BYTES;
  return missing === 0 ? bytes : Buffer.concat([bytes, Buffer.alloc(missing)]);
}
