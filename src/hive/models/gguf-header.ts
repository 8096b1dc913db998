import * as fs from 'node:fs/promises';
import { JobError } from '../../contract/index.ts';
import { HeaderCursor } from './header-cursor.ts';

/** Value types by their number in the format (ggml/docs/gguf.md). */
const STRING = 8;
const ARRAY = 9;
const READERS: Readonly<Record<number, (cursor: HeaderCursor) => Promise<number>>> = {
  0: (cursor) => cursor.number(1, (bytes, at) => bytes.readUInt8(at)),
  1: (cursor) => cursor.number(1, (bytes, at) => bytes.readInt8(at)),
  2: (cursor) => cursor.number(2, (bytes, at) => bytes.readUInt16LE(at)),
  3: (cursor) => cursor.number(2, (bytes, at) => bytes.readInt16LE(at)),
  4: (cursor) => cursor.u32(),
  5: (cursor) => cursor.number(4, (bytes, at) => bytes.readInt32LE(at)),
  6: (cursor) => cursor.number(4, (bytes, at) => bytes.readFloatLE(at)),
  7: (cursor) => cursor.number(1, (bytes, at) => bytes.readUInt8(at)),
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
const KEPT_FIELDS_LIMIT = 64;
const NAME_BYTES_LIMIT = 128;
/** llama.cpp takes 512 layers; an array of numbers has one for each. */
const KEPT_NUMBERS_LIMIT = 1024;

export type FieldValue = number | string | number[];

export interface GgufHeader {
  /** Those that were asked for. Of an array of texts its length, which says how large a vocabulary is. */
  fields: ReadonlyMap<string, FieldValue>;
  /** All of the file behind the fields: the list of the tensors, which is short, and the tensors. */
  tensorBytes: number;
}

/**
 * Reads fields of a GGUF header, version 2 or 3, without what is large in it: vocabularies are stepped over. Memory stays at one
 * buffer whatever the file claims. The engine's own reader would cost the hive 39 MB and 0.3 s to import.
 * @throws JobError model_corrupt
 */
export async function readGgufHeader(file: string, isWanted: (name: string) => boolean): Promise<GgufHeader> {
  try {
    await using handle = await fs.open(file, 'r');
    const { size } = await handle.stat();
    const cursor = new HeaderCursor(handle, { file, sizeBytes: size });
    const fields = await readFields(cursor, isWanted);
    return { fields, tensorBytes: size - cursor.position };
  } catch (cause) {
    if (cause instanceof JobError) throw cause;
    throw new JobError('model_corrupt', `The header of ${file} cannot be read`, { cause });
  }
}

async function readFields(cursor: HeaderCursor, isWanted: (name: string) => boolean): Promise<Map<string, FieldValue>> {
  if ((await cursor.u32()) !== Buffer.from('GGUF').readUInt32LE()) throw cursor.corrupt('it does not begin as a GGUF file');
  const version = await cursor.u32();
  if (!VERSIONS.has(version)) throw cursor.corrupt(`its version is ${version}`);
  await cursor.u64(); // How many tensors.
  const count = await cursor.u64();
  if (count > FIELDS_LIMIT) throw cursor.corrupt(`it claims ${count} fields`);
  const fields = new Map<string, FieldValue>();
  for (let index = 0; index < count; index += 1) {
    const name = await cursor.text(NAME_BYTES_LIMIT);
    const value = await readValue(cursor, await cursor.u32(), name !== undefined && isWanted(name));
    if (name !== undefined && value !== undefined) fields.set(name, value);
    if (fields.size > KEPT_FIELDS_LIMIT) throw cursor.corrupt('it says the same thing too often');
  }
  return fields;
}

async function readValue(cursor: HeaderCursor, type: number, isWanted: boolean): Promise<FieldValue | undefined> {
  if (type === ARRAY) return readArray(cursor, isWanted);
  if (type === STRING) return (await cursor.text(isWanted ? NAME_BYTES_LIMIT : 0)) || undefined;
  const value = await readScalar(cursor, type);
  return isWanted ? value : undefined;
}

async function readArray(cursor: HeaderCursor, isWanted: boolean): Promise<FieldValue | undefined> {
  const type = await cursor.u32();
  const length = await cursor.u64();
  if (type === STRING) {
    await cursor.skipTexts(length);
    return isWanted ? length : undefined;
  }
  if (isWanted && length <= KEPT_NUMBERS_LIMIT) {
    const numbers: number[] = [];
    for (let index = 0; index < length; index += 1) numbers.push(await readScalar(cursor, type));
    return numbers;
  }
  const bytes = SCALAR_BYTES[type];
  // An array of arrays too: llama.cpp takes none.
  if (bytes === undefined) throw cursor.corrupt(`an array in it is of the unknown type ${type}`);
  cursor.skip(length * bytes);
  return undefined;
}

async function readScalar(cursor: HeaderCursor, type: number): Promise<number> {
  const read = READERS[type];
  if (read === undefined) throw cursor.corrupt(`a field in it is of the unknown type ${type}`);
  return read(cursor);
}
