/** Value types by their number in the format (ggml/docs/gguf.md). */
export const UINT32 = 4;
export const FLOAT32 = 6;
const STRING = 8;
const ARRAY = 9;
/** Bytes of each scalar type. */
const SCALAR_BYTES = [1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8];
const PREAMBLE_BYTES = 24;

/** The header fields of a GGUF version 3 file, each with its name, type and value as they lie in the file. */
export function readFields(file: Buffer): Map<string, Buffer> {
  let at = PREAMBLE_BYTES;
  const u64 = () => Number(file.readBigUInt64LE((at += 8) - 8));
  const u32 = () => file.readUInt32LE((at += 4) - 4);
  const text = () => {
    const length = u64();
    return file.toString('utf8', at, (at += length));
  };
  const skip = (type: number): void => {
    if (type === STRING) text();
    else if (type === ARRAY) {
      const [of, length] = [u32(), u64()];
      for (let item = 0; item < length; item += 1) skip(of);
    } else at += SCALAR_BYTES[type] ?? 0;
  };
  const fields = new Map<string, Buffer>();
  for (let left = Number(file.readBigUInt64LE(16)); left > 0; left -= 1) {
    const start = at;
    const name = text();
    skip(u32());
    fields.set(name, file.subarray(start, at));
  }
  return fields;
}

/** The numbers of a field that is an array of INT32. */
export function int32sOf(name: string, field: Buffer): number[] {
  // Before the numbers: the name with its length, ARRAY, the items' type, their count.
  const start = 8 + Buffer.byteLength(name) + 4 + 4 + 8;
  return Array.from({ length: (field.length - start) / 4 }, (_, index) => field.readInt32LE(start + 4 * index));
}

export function numberField(name: string, type: typeof UINT32 | typeof FLOAT32, value: number): Buffer {
  const bytes = Buffer.alloc(4);
  if (type === UINT32) bytes.writeUInt32LE(value);
  else bytes.writeFloatLE(value);
  return Buffer.concat([textOf(name), u32(type), bytes]);
}

/** As the format writes a text: its length in 8 bytes, then UTF-8. */
export function textOf(value: string): Buffer {
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
