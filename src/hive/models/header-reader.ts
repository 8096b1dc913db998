import * as fs from 'node:fs/promises';
import { JobError, modelDetails, modelMemory, type Model } from '../../contract/index.ts';
import { log } from '../../narration/index.ts';
import { estimateMemory, isMemoryField, PARTS_FIELD } from './estimate-memory.ts';
import { readGgufHeader, type FieldValue, type GgufHeader } from './gguf-header.ts';
import { HEADERS_KEPT_LIMIT } from './limits.ts';
import { partsOf } from './model-parts.ts';
import { detailsOf, DETAILS_WISH, isDetailField } from './model-details.ts';

/** What is kept of a header: a few hundred bytes. */
type Known = Pick<Model, 'memory' | 'details'>;

/** Describes models, and estimates their memory, reading the header of each file once, and again when the file has changed. */
export class HeaderReader {
  readonly #known = new Map<string, { version: string; known: Promise<Known> }>();

  /** The model with its details and its memory need, if its header says enough. A file that cannot be read fails when it is loaded. */
  async filledIn(model: Model): Promise<Model> {
    return { ...model, ...(await this.#of(model.path)) };
  }

  async #of(file: string): Promise<Known> {
    const stats = await Promise.all(partsOf(file).map((part) => fs.stat(part))).catch(() => undefined);
    if (stats === undefined) return {};
    const version = stats.map(({ size, mtimeMs }) => `${size} ${mtimeMs}`).join();
    const read = this.#known.get(file);
    if (read?.version === version) return read.known;
    if (this.#known.size >= HEADERS_KEPT_LIMIT) this.#known.clear();
    const known = readKnown(file);
    this.#known.set(file, { version, known });
    return known;
  }
}

async function readKnown(file: string): Promise<Known> {
  try {
    const header = await readWholeHeader(file);
    // A header may contain any numbers, and both may exceed the limits of the contract.
    const { data: memory } = modelMemory.safeParse(estimateMemory(header));
    const { data: details } = modelDetails.safeParse(detailsOf(header));
    return { ...(memory && { memory }), ...(details && { details }) };
  } catch (cause) {
    if (!(cause instanceof JobError)) throw cause;
    log.debug({ err: cause }, `the header of ${file} is not known`);
    return {};
  }
}

/** Of a model in several parts, the first has the fields, and each has a part of the weights. */
async function readWholeHeader(file: string): Promise<GgufHeader> {
  const [first = file, ...others] = partsOf(file);
  const header = await readGgufHeader(first, (name) => isMemoryField(name) || isDetailField(name), DETAILS_WISH);
  if (others.length === 0) return header;
  const weights = new Map(header.weights);
  let { tensorBytes } = header;
  for (const part of others) {
    const next = await readGgufHeader(part, () => false, { tensors: true });
    tensorBytes += next.tensorBytes;
    for (const [type, count] of next.weights ?? []) weights.set(type, (weights.get(type) ?? 0) + count);
  }
  const fields = new Map(header.fields);
  fields.delete(PARTS_FIELD);
  return { ...header, fields, tensorBytes, weights };
}

/** More than any model has. */
const WHOLE_FIELDS_LIMIT = 4_000;
const WHOLE_TEXT_BYTES = 128 * 1024;
/** The largest vocabularies have 300,000 texts, and 600,000 rules to merge them. */
const WHOLE_ITEMS = { short: 1024, whole: 1_000_000 };

/**
 * All fields of a header, as they are; the tokenizer's arrays, which have megabytes, only where `whole` is set.
 * @throws JobError model_corrupt
 */
export async function readAllFields(file: string, whole: boolean): Promise<Record<string, FieldValue>> {
  const isWanted = (name: string, isArray: boolean) => whole || !(isArray && name.startsWith('tokenizer.'));
  const { fields } = await readGgufHeader(file, isWanted, {
    fields: WHOLE_FIELDS_LIMIT,
    textBytes: WHOLE_TEXT_BYTES,
    items: whole ? WHOLE_ITEMS.whole : WHOLE_ITEMS.short,
    texts: true,
  });
  return Object.fromEntries(fields);
}
