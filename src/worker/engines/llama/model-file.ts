import { open, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import type { GgufFileInfo, GgufInsights, Llama } from 'node-llama-cpp';
import { JobError } from '../../../contract/index.ts';
import type { LlamaModule } from './llama-module.ts';

/** GGUF: 4 bytes magic, u32 version, u64 number of tensors, u64 number of header fields. */
const PREAMBLE_BYTES = 24;
/** The largest models have a few thousand; a damaged count must not lead to hours of reading zeros. */
const MAX_COUNT = 100_000n;

/**
 * Reads the header of a model and refuses what llama.cpp would load wrongly, or abort the process over: its asserts end
 * the worker without a message.
 *
 * @throws JobError model_not_found, model_corrupt
 */
export async function readModelFile(modelPath: string, module: LlamaModule, llama: Llama): Promise<GgufInsights> {
  await checkPreamble(modelPath);
  try {
    const header = await module.readGgufFileInfo(modelPath, { sourceType: 'filesystem', logWarnings: false });
    const missing = missingField(header);
    if (missing !== undefined) throw corrupt(modelPath, `its header has no ${missing}`);
    if (mixesVocabularies(header)) throw unusable(header, 'mixes two kinds of vocabulary: its text cannot be tokenized');
    await checkTensorsAreThere(header, module, llama);
    const insights = await module.GgufInsights.from(header, llama);
    if (!insights.isSupportedByLlamaCpp) throw unusable(header, 'is of a kind that this engine does not know');
    if (insights.hasEncoder && insights.hasDecoder)
      throw unusable(header, 'reads with one half and writes with the other: this engine has only one');
    return insights;
  } catch (cause) {
    if (cause instanceof JobError) throw cause;
    throw corrupt(modelPath, String(cause), cause);
  }
}

/** @throws JobError model_not_found, model_corrupt */
export async function checkPreamble(modelPath: string): Promise<void> {
  const preamble = Buffer.alloc(PREAMBLE_BYTES);
  try {
    const file = await open(modelPath);
    await file.read(preamble, 0, PREAMBLE_BYTES, 0).finally(() => file.close());
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR')
      throw new JobError('model_not_found', `There is no file ${modelPath}`, { cause });
    throw corrupt(modelPath, `it cannot be read (${String(code)})`, cause);
  }
  if (preamble.toString('latin1', 0, 4) !== 'GGUF') throw corrupt(modelPath, 'it is not a GGUF file');
  if (preamble.readBigUInt64LE(8) > MAX_COUNT || preamble.readBigUInt64LE(16) > MAX_COUNT)
    throw corrupt(modelPath, 'its header is damaged');
}

/** The first field that llama.cpp cannot do without. Without the two that it asserts, it aborts the process. */
function missingField({ metadata, architectureMetadata }: GgufFileInfo): string | undefined {
  const { architecture } = metadata.general;
  // Typed as always present; in a damaged file it may be missing.
  const fields = architectureMetadata as Record<string, unknown> & { attention?: Record<string, unknown> };
  const tokenizer = (metadata.tokenizer as Partial<GgufFileInfo['metadata']['tokenizer']> | undefined)?.ggml;
  const recurrent = /mamba|rwkv/.test(architecture);
  const needed: [name: string, value: unknown][] = [
    ['general.architecture', architecture],
    ...['context_length', 'embedding_length', 'block_count'].map((name): [string, unknown] => [
      `${architecture}.${name}`,
      // A string in place of a number counts as missing.
      typeof fields[name] === 'string' ? undefined : fields[name],
    ]),
    ['tokenizer.ggml.model', tokenizer?.model],
    ['tokenizer.ggml.tokens', tokenizer?.tokens],
  ];
  if (!recurrent) {
    needed.push([`${architecture}.attention.head_count`, fields.attention?.['head_count']]);
    // Mixtures of experts may have only the width of one expert.
    const width = fields['feed_forward_length'] ?? fields['expert_feed_forward_length'];
    needed.push([`${architecture}.feed_forward_length`, width]);
  }
  return needed.find(([, value]) => value === undefined || value === null || value === 0)?.[0];
}

/** Cut at white space alone, a byte-level vocabulary meets spaces that it has no byte for, and llama.cpp aborts the process. */
function mixesVocabularies({ metadata }: GgufFileInfo): boolean {
  const { model, pre } = metadata.tokenizer.ggml;
  return model === 'gpt2' && pre === 'whitespace';
}

/** A download that was cut short has the whole header and not all of the tensors. */
async function checkTensorsAreThere(header: GgufFileInfo, module: LlamaModule, llama: Llama): Promise<void> {
  for (const [part, source] of header.sourceData.entries()) {
    if (source.type !== 'path') continue;
    let end = source.length;
    for (const tensor of header.fullTensorInfo ?? []) {
      if (tensor.filePart !== part + 1) continue;
      // As a model of this one tensor at the start of a file, so that the engine itself says how many bytes it has.
      const alone = { ...tensor, offset: 0, fileOffset: 0 };
      const { modelSize } = await module.GgufInsights.from({ ...header, fullTensorInfo: [alone] }, llama);
      end = Math.max(end, Number(tensor.fileOffset) + modelSize);
    }
    const { size } = await stat(source.path);
    if (size < end) throw corrupt(source.path, `it is truncated to ${String(size)} of ${String(end)} bytes`);
  }
}

/** False for models that turn text into vectors, or rank texts: the engine would fail at every answer. */
export function writesText({ ggufFileInfo, hasEncoder }: GgufInsights): boolean {
  const { metadata, architectureMetadata } = ggufFileInfo;
  const causal = (architectureMetadata as { attention?: { causal?: boolean } }).attention?.causal ?? true;
  return causal && !hasEncoder && !metadata.general.architecture.includes('bert');
}

function unusable({ metadata }: GgufFileInfo, why: string): JobError {
  return new JobError('model_corrupt', `The model (architecture '${metadata.general.architecture}') ${why}.`);
}

function corrupt(path: string, why: string, cause?: unknown): JobError {
  return new JobError('model_corrupt', `${basename(path)} cannot be loaded: ${why}.`, { cause });
}
