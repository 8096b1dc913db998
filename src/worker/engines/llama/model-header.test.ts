import { cp, mkdtemp, rm, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { tinyModel } from './fixtures/gguf.ts';
import { readGgufFileInfo, readHeader } from './model-header.ts';

const options = { sourceType: 'filesystem', logWarnings: false } as const;

test('a header that was read is used once, for the same file', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'rbee-header-'));
  const [path, other] = [join(folder, 'one.gguf'), join(folder, 'other.gguf')];
  for (const file of [path, other]) await cp(tinyModel, file);
  const header = await readHeader(path, options);
  await truncate(path);
  expect(await readGgufFileInfo(path, options)).toBe(header);
  await expect(readGgufFileInfo(path, options)).rejects.toThrow();
  await readHeader(other, options);
  await expect(readGgufFileInfo(path, options)).rejects.toThrow();
  await rm(folder, { recursive: true });
});
