import * as fs from 'node:fs/promises';
import * as path from 'node:path';

/** As llama.cpp names the parts of a model: it finds the others by the name of the first. */
const PART = /^(.+)-(\d{5})-of-(\d{5})(\.gguf)$/i;
/** The largest models have about a hundred. */
const PARTS_LIMIT = 1_000;

/** The files of a model, by its first one. */
export function partsOf(file: string): string[] {
  const [, stem, number, count = '', ending = ''] = PART.exec(path.basename(file)) ?? [];
  const parts = Number(count);
  if (stem === undefined || Number(number) !== 1 || parts < 2 || parts > PARTS_LIMIT) return [file];
  const nameOf = (part: number) => `${stem}-${String(part).padStart(5, '0')}-of-${count}${ending}`;
  return Array.from({ length: parts }, (_, index) => path.join(path.dirname(file), nameOf(index + 1)));
}

/** Whether a name is that of a part, and which one of how many. */
export function partNumberOf(name: string): { part: number; parts: number } | undefined {
  const [, , part, parts] = PART.exec(name) ?? [];
  return part === undefined || Number(parts) < 2 ? undefined : { part: Number(part), parts: Number(parts) };
}

/** Of all its parts. @throws the system's error where one is missing */
export async function modelBytes(file: string): Promise<number> {
  const stats = await Promise.all(partsOf(file).map((part) => fs.stat(part)));
  return stats.reduce((sum, { size }) => sum + size, 0);
}
