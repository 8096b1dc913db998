import * as fs from 'node:fs/promises';
import { JobError } from '../../contract/index.ts';
import { HeaderCursor } from './header-cursor.ts';

/** Value types by their number in the format (ggml/docs/gguf.md). */
const STRING = 8;
const ARRAY = 9;
const READERS: Readonly<Record<number, (cursor: HeaderCursor) => Promise<Scalar>>> = {
  0: (cursor) => cursor.number(1, (bytes, at) => bytes.readUInt8(at)),
  1: (cursor) => cursor.number(1, (bytes, at) => bytes.readInt8(at)),
  2: (cursor) => cursor.number(2, (bytes, at) => bytes.readUInt16LE(at)),
  3: (cursor) => cursor.number(2, (bytes, at) => bytes.readInt16LE(at)),
  4: (cursor) => cursor.u32(),
  5: (cursor) => cursor.number(4, (bytes, at) => bytes.readInt32LE(at)),
  // As it was meant: 0.6, and not 0.6000000238418579.
  6: (cursor) => cursor.number(4, (bytes, at) => Number(bytes.readFloatLE(at).toPrecision(7))),
  7: (cursor) => cursor.number(1, (bytes, at) => bytes.readUInt8(at) !== 0),
  10: (cursor) => cursor.u64(),
  11: (cursor) => cursor.number(8, (bytes, at) => Number(bytes.readBigInt64LE(at))),
  12: (cursor) => cursor.number(8, (bytes, at) => bytes.readDoubleLE(at)),
};
/** Bytes of each of those. */
const SCALAR_BYTES: Readonly<Record<number, number>> = { 0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8 };

/** Version 1 had other lengths and is not in use. */
const VERSIONS: ReadonlySet<number> = new Set([2, 3]);
/** The largest models have a few thousand. */
const FIELDS_LIMIT = 100_000;
const NAME_BYTES_LIMIT = 128;
const TENSORS_LIMIT = 100_000;
/** llama.cpp takes four. */
const DIMENSIONS_LIMIT = 8;

type Scalar = number | boolean;
export type FieldValue = Scalar | string | Scalar[] | string[];
type IsWanted = (name: string, isArray: boolean) => boolean;

/** How much of a header is kept. */
export interface HeaderWish {
  /** Kept fields; more are refused. */
  fields: number;
  /** Of a text. A longer one is left out. */
  textBytes: number;
  /** Of an array. llama.cpp takes 512 layers; an array of numbers has one for each. A longer one is left out. */
  items: number;
  /** Whether arrays of texts are kept. Otherwise their lengths are: how large a vocabulary is. */
  texts: boolean;
  /** Texts that are looked for in arrays of texts: those of special tokens, like <this>. */
  marks: ReadonlySet<string>;
  /** Whether the list of the tensors is read too. */
  tensors: boolean;
}
const NO_MARKS: ReadonlySet<string> = new Set();
const LEAST: HeaderWish = { fields: 64, textBytes: 128, items: 1024, texts: false, marks: NO_MARKS, tensors: false };

export interface GgufHeader {
  /** Those that were asked for. */
  fields: ReadonlyMap<string, FieldValue>;
  /** The marks that were found. */
  marks: ReadonlySet<string>;
  /** All of the file behind the fields: the list of the tensors, which is short, and the tensors. */
  tensorBytes: number;
  /** How many weights there are of each type of tensor, where that was asked for and the list is intact. */
  weights?: ReadonlyMap<number, number> | undefined;
}

/**
 * Reads fields of a GGUF header, version 2 or 3, without what is large in it: vocabularies are stepped over. Memory stays at one
 * buffer whatever the file claims. The engine's own reader would cost the hive 39 MB and 0.3 s to import.
 * @throws JobError model_corrupt
 */
export async function readGgufHeader(file: string, isWanted: IsWanted, wish: Partial<HeaderWish> = {}): Promise<GgufHeader> {
  try {
    await using handle = await fs.open(file, 'r');
    const { size } = await handle.stat();
    const cursor = new HeaderCursor(handle, { file, sizeBytes: size });
    return await new HeaderReading(cursor, isWanted, { ...LEAST, ...wish }).read(size);
  } catch (cause) {
    if (cause instanceof JobError) throw cause;
    throw new JobError('model_corrupt', `The header of ${file} cannot be read`, { cause });
  }
}

class HeaderReading {
  readonly #cursor: HeaderCursor;
  readonly #isWanted: IsWanted;
  readonly #wish: HeaderWish;
  readonly #marks = new Set<string>();

  constructor(cursor: HeaderCursor, isWanted: IsWanted, wish: HeaderWish) {
    this.#cursor = cursor;
    this.#isWanted = isWanted;
    this.#wish = wish;
  }

  async read(sizeBytes: number): Promise<GgufHeader> {
    const cursor = this.#cursor;
    if ((await cursor.u32()) !== Buffer.from('GGUF').readUInt32LE()) throw cursor.corrupt('it does not begin as a GGUF file');
    const version = await cursor.u32();
    if (!VERSIONS.has(version)) throw cursor.corrupt(`its version is ${version}`);
    const tensors = await cursor.u64();
    const fields = await this.#fields(await cursor.u64());
    const known = { fields, marks: this.#marks, tensorBytes: sizeBytes - cursor.position };
    return this.#wish.tensors ? { ...known, weights: await readWeights(cursor, tensors) } : known;
  }

  async #fields(count: number): Promise<Map<string, FieldValue>> {
    if (count > FIELDS_LIMIT) throw this.#cursor.corrupt(`it claims ${count} fields`);
    const fields = new Map<string, FieldValue>();
    for (let index = 0; index < count; index += 1) {
      const name = await this.#cursor.text(NAME_BYTES_LIMIT);
      const value = await this.#value(await this.#cursor.u32(), name);
      if (name !== undefined && value !== undefined) fields.set(name, value);
      if (fields.size > this.#wish.fields) throw this.#cursor.corrupt('it says the same thing too often');
    }
    return fields;
  }

  async #value(type: number, name: string | undefined): Promise<FieldValue | undefined> {
    const isWanted = name !== undefined && this.#isWanted(name, type === ARRAY);
    if (type === ARRAY) return this.#array(isWanted);
    if (type === STRING) return (await this.#cursor.text(isWanted ? this.#wish.textBytes : 0)) || undefined;
    const value = await readScalar(this.#cursor, type);
    return isWanted ? value : undefined;
  }

  async #array(isWanted: boolean): Promise<FieldValue | undefined> {
    const cursor = this.#cursor;
    const type = await cursor.u32();
    const length = await cursor.u64();
    const isKept = isWanted && length <= this.#wish.items;
    if (type === STRING) {
      if (isKept && this.#wish.texts) return this.#texts(length);
      const marks = await cursor.skipTexts(length, isWanted ? this.#wish.marks : NO_MARKS);
      for (const mark of marks) this.#marks.add(mark);
      return isWanted && !this.#wish.texts ? length : undefined;
    }
    if (isKept) {
      const numbers: Scalar[] = [];
      for (let index = 0; index < length; index += 1) numbers.push(await readScalar(cursor, type));
      return numbers;
    }
    const bytes = SCALAR_BYTES[type];
    // An array of arrays too: llama.cpp takes none.
    if (bytes === undefined) throw cursor.corrupt(`an array in it is of the unknown type ${type}`);
    cursor.skip(length * bytes);
    return undefined;
  }

  async #texts(length: number): Promise<string[]> {
    const texts: string[] = [];
    for (let index = 0; index < length; index += 1) texts.push((await this.#cursor.text(this.#wish.textBytes)) ?? '');
    return texts;
  }
}

/** Undefined for a damaged list: the engine says so when it loads the model. */
async function readWeights(cursor: HeaderCursor, tensors: number): Promise<Map<number, number> | undefined> {
  if (tensors > TENSORS_LIMIT) return undefined;
  const weights = new Map<number, number>();
  try {
    for (let index = 0; index < tensors; index += 1) {
      cursor.skip(await cursor.u64()); // Its name.
      const dimensions = await cursor.u32();
      if (dimensions > DIMENSIONS_LIMIT) return undefined;
      let count = 1;
      for (let each = 0; each < dimensions; each += 1) count *= await cursor.u64();
      const type = await cursor.u32();
      await cursor.u64(); // Where it begins.
      weights.set(type, (weights.get(type) ?? 0) + count);
    }
  } catch (cause) {
    if (cause instanceof JobError) return undefined;
    throw cause;
  }
  return weights;
}

async function readScalar(cursor: HeaderCursor, type: number): Promise<Scalar> {
  const read = READERS[type];
  if (read === undefined) throw cursor.corrupt(`a field in it is of the unknown type ${type}`);
  return read(cursor);
}
