import * as fs from 'node:fs/promises';
import { JobError } from '../../contract/index.ts';
import { SMALLEST_GGUF_BYTES } from './limits.ts';

/** First bytes of every GGUF file (ggml's docs/gguf.md). */
const MAGIC = Buffer.from('GGUF');

/**
 * Checks each piece of a file as it arrives, so that a web page is refused at its first byte and not after gigabytes.
 * The message contains nothing of the file: a request that names an address must not become a way to read what is there.
 * @throws JobError model_corrupt
 */
export function assertGgufStart(label: string, piece: Uint8Array, offset: number): void {
  if (offset >= MAGIC.length) return;
  const expected = MAGIC.subarray(offset, offset + piece.length);
  if (expected.equals(piece.subarray(0, expected.length))) return;
  const isPage = offset === 0 && piece[0] === '<'.charCodeAt(0);
  const page = isPage ? ' It looks like a web page: give the address of the file itself.' : '';
  throw new JobError('model_corrupt', `${label} is not a GGUF model: it does not begin with 'GGUF'.${page}`);
}

/** @throws JobError model_corrupt */
export function assertGgufSize(label: string, sizeBytes: number): void {
  if (sizeBytes >= SMALLEST_GGUF_BYTES) return;
  throw new JobError('model_corrupt', `${label} is not a GGUF model: it is only ${sizeBytes} bytes long`);
}

/** @throws JobError model_corrupt */
export async function assertGgufFile(file: string): Promise<void> {
  const handle = await fs.open(file, 'r');
  try {
    const { bytesRead, buffer } = await handle.read(Buffer.alloc(MAGIC.length), 0, MAGIC.length, 0);
    assertGgufStart(file, buffer.subarray(0, bytesRead), 0);
    assertGgufSize(file, (await handle.stat()).size);
  } finally {
    await handle.close();
  }
}
