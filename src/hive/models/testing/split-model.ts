import * as fs from 'node:fs';
import { text, u32, u64 } from './gguf-writer.ts';

/** Value types of the format, and the bytes of those of one length. */
const [UINT16, INT32, STRING, ARRAY] = [2, 5, 8, 9];
const VALUE_BYTES = [1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8];
const ALIGNMENT = 32;

interface Tensor {
  name: string;
  dimensions: number[];
  type: number;
  offset: number;
  bytes: Buffer;
}

/** A model in several files as llama.cpp's own splitter makes them: all fields in the first, and tensors in each. */
export function splitModel(file: string, parts: number): Buffer[] {
  const { fields, tensors } = readModel(fs.readFileSync(file));
  const size = Math.ceil(tensors.length / parts);
  return Array.from({ length: parts }, (_, part) => {
    const own = [
      Buffer.concat([text('split.no'), u32(UINT16), u16(part)]),
      Buffer.concat([text('split.count'), u32(UINT16), u16(parts)]),
      Buffer.concat([text('split.tensors.count'), u32(INT32), u32(tensors.length)]),
    ];
    return partOf([...(part === 0 ? fields : []), ...own], tensors.slice(part * size, (part + 1) * size));
  });
}

function partOf(fields: readonly Buffer[], tensors: readonly Tensor[]): Buffer {
  let offset = 0;
  const infos: Buffer[] = [];
  const data: Buffer[] = [];
  for (const { name, dimensions, type, bytes } of tensors) {
    infos.push(Buffer.concat([text(name), u32(dimensions.length), ...dimensions.map(u64), u32(type), u64(offset)]));
    data.push(bytes, padding(bytes.length));
    offset += bytes.length + padding(bytes.length).length;
  }
  const head = Buffer.concat([Buffer.from('GGUF'), u32(3), u64(tensors.length), u64(fields.length), ...fields, ...infos]);
  return Buffer.concat([head, padding(head.length), ...data]);
}

function readModel(file: Buffer): { fields: Buffer[]; tensors: Tensor[] } {
  let at = 24;
  const number = (bytes: 4 | 8) => {
    at += bytes;
    return bytes === 4 ? file.readUInt32LE(at - 4) : Number(file.readBigUInt64LE(at - 8));
  };
  const string = () => {
    const length = number(8);
    at += length;
    return file.toString('utf8', at - length, at);
  };
  const skip = (type: number): void => {
    if (type === STRING) string();
    else if (type !== ARRAY) at += VALUE_BYTES[type] ?? 0;
    else for (let of = number(4), count = number(8); count > 0; count -= 1) skip(of);
  };
  const fields = Array.from({ length: Number(file.readBigUInt64LE(16)) }, () => {
    const start = at;
    string();
    skip(number(4));
    return file.subarray(start, at);
  });
  const tensors = Array.from({ length: Number(file.readBigUInt64LE(8)) }, () => {
    const name = string();
    const dimensions = Array.from({ length: number(4) }, () => number(8));
    return { name, dimensions, type: number(4), offset: number(8) };
  }).toSorted((one, other) => one.offset - other.offset);
  const data = file.subarray(at + padding(at).length);
  return {
    fields,
    tensors: tensors.map((each, index) => ({ ...each, bytes: data.subarray(each.offset, tensors[index + 1]?.offset) })),
  };
}

function padding(length: number): Buffer {
  return Buffer.alloc((ALIGNMENT - (length % ALIGNMENT)) % ALIGNMENT);
}

function u16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16LE(value);
  return bytes;
}
