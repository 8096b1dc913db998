import type { FileHandle } from 'node:fs/promises';
import { JobError } from '../../contract/index.ts';
import { FILE_CHUNK_BYTES, HEADER_BYTES_LIMIT } from './limits.ts';

/** No mark that is looked for is longer, and all begin so. */
const MARK_BYTES_LIMIT = 32;
const MARK_BEGINS = '<'.charCodeAt(0);

/** Goes through the header of a GGUF file, a chunk in memory at a time. Never past the end of the file, nor past the limit of a header. */
export class HeaderCursor {
  readonly #handle: FileHandle;
  readonly #file: string;
  readonly #endBytes: number;
  readonly #window = Buffer.allocUnsafe(FILE_CHUNK_BYTES);
  #windowStart = 0;
  #windowBytes = 0;
  #position = 0;

  constructor(handle: FileHandle, { file, sizeBytes }: { file: string; sizeBytes: number }) {
    this.#handle = handle;
    this.#file = file;
    this.#endBytes = Math.min(sizeBytes, HEADER_BYTES_LIMIT);
  }

  get position(): number {
    return this.#position;
  }

  u32(): Promise<number> {
    return this.number(4, (bytes, at) => bytes.readUInt32LE(at));
  }

  u64(): Promise<number> {
    return this.number(8, (bytes, at) => Number(bytes.readBigUInt64LE(at)));
  }

  async number<T = number>(length: number, read: (bytes: Buffer, at: number) => T): Promise<T> {
    if (!this.#has(length)) await this.#fill(length);
    const value = read(this.#window, this.#position - this.#windowStart);
    this.#position += length;
    return value;
  }

  /** A text with its length before it; undefined, and stepped over, when it is longer than that. */
  async text(limitBytes: number): Promise<string | undefined> {
    const length = await this.u64();
    if (length > limitBytes) {
      this.skip(length);
      return undefined;
    }
    if (!this.#has(length)) await this.#fill(length);
    const at = this.#position - this.#windowStart;
    this.#position += length;
    return this.#window.toString('utf8', at, at + length);
  }

  /** A vocabulary has hundreds of thousands: waits only where the window ends. @returns those of the marks that are among them */
  async skipTexts(count: number, marks: ReadonlySet<string>): Promise<string[]> {
    const found: string[] = [];
    for (let left = count; left > 0; left -= 1) {
      if (!this.#has(8)) await this.#fill(8);
      const length = Number(this.#window.readBigUInt64LE(this.#position - this.#windowStart));
      this.#position += 8;
      if (marks.size > 0 && length <= MARK_BYTES_LIMIT) {
        if (!this.#has(length)) await this.#fill(length);
        const at = this.#position - this.#windowStart;
        const text = this.#window[at] === MARK_BEGINS ? this.#window.toString('utf8', at, at + length) : '';
        if (marks.has(text)) found.push(text);
      }
      this.skip(length);
    }
    return found;
  }

  skip(length: number): void {
    if (length > this.#endBytes - this.#position) throw this.#overrun();
    this.#position += length;
  }

  corrupt(why: string): JobError {
    return new JobError('model_corrupt', `The header of ${this.#file} is damaged: ${why}`);
  }

  #has(length: number): boolean {
    return this.#position >= this.#windowStart && this.#position + length <= this.#windowStart + this.#windowBytes;
  }

  async #fill(length: number): Promise<void> {
    if (length > this.#endBytes - this.#position) throw this.#overrun();
    const { bytesRead } = await this.#handle.read(this.#window, 0, this.#window.length, this.#position);
    this.#windowStart = this.#position;
    this.#windowBytes = bytesRead;
    if (!this.#has(length)) throw this.#overrun();
  }

  #overrun(): JobError {
    return this.corrupt(`it continues beyond ${this.#endBytes} bytes`);
  }
}
