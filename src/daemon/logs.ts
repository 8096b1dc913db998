import { open, rename, stat, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileError, missing } from './file-error.ts';
import { ensureDirectory } from './paths.ts';

/** A log over this size is rotated, at the start of its daemon and while it runs. */
export const MAX_LOG_BYTES = 10 * 1024 * 1024;
/** A longer line is returned in pieces, so that no file can fill the memory. */
const MAX_LINE_BYTES = 256 * 1024;
/** Beyond this, fewer lines are returned than were requested. */
const MAX_TAIL_BYTES = 4 * 1024 * 1024;
const READ_BYTES = 64 * 1024;
/** Too short for a person to notice. Unlike fs.watch, polling works on every file system, and for files that do not exist yet. */
const FOLLOW_POLL_MS = 100;
const NEWLINE = 0x0a;

/** A log opened for appending, and the position where this start begins. */
interface OpenLog {
  readonly handle: FileHandle;
  readonly startByte: number;
}

/** Opens for appending. A file over MAX_LOG_BYTES is first renamed to FILE.1, replacing an older one. */
export async function openLog(file: string): Promise<OpenLog> {
  await ensureDirectory(dirname(file));
  try {
    const before = await stat(file).catch(missing);
    if (before !== undefined && before.size > MAX_LOG_BYTES) {
      // Another starter may already have renamed it.
      await rename(file, `${file}.1`).catch(missing);
    }
    const handle = await open(file, 'a', 0o600);
    return { handle, startByte: (await handle.stat()).size };
  } catch (error) {
    throw fileError(error, `write the log ${file}`);
  }
}

/** At most `lines` last lines written after `sinceByte`. Reads only the end of the file; empty when it does not exist. */
export async function tailLog(file: string, lines: number, sinceByte = 0): Promise<string[]> {
  const handle = await openToRead(file);
  if (handle === undefined) return [];
  await using log = handle;
  const { size } = await log.stat();
  return await readLastLines(log, lines, { from: sinceByte, to: size });
}

export interface Following {
  readonly signal: AbortSignal;
  /** Number of existing lines to yield first; none when left out. */
  readonly lines?: number;
  /** Whether the writer has exited, so that the log no longer grows; never when left out. */
  readonly isOver?: () => boolean;
}

/**
 * The last `lines` lines, and then every line as it is written, until `signal` aborts, which is not an error, or the writer has
 * exited and its last line is read. Waits for a file that does not exist yet, and continues through rotation (a new file of that
 * name, or a copy to FILE.1 and a truncation).
 */
export async function* followLog(file: string, following: Following): AsyncGenerator<string, void, void> {
  const { signal, lines = 0, isOver = () => false } = following;
  const before = signal.aborted ? undefined : await openToRead(file);
  if (before !== undefined && (yield* followFile(before, file, { signal, lines, isOver }))) return;
  while (!signal.aborted) {
    const isLast = isOver();
    const later = await openToRead(file);
    if (later !== undefined && (yield* followFile(later, file, { signal, isOver }))) return;
    if (later !== undefined) continue;
    if (isLast) return;
    await pause(signal);
  }
}

/**
 * Reads until another file has the name, from its start, or from its last lines if `lines` is given. Closes the handle.
 * @returns whether the writer has exited
 */
async function* followFile(
  handle: FileHandle,
  file: string,
  { signal, lines, isOver }: Following & { isOver: () => boolean },
): AsyncGenerator<string, boolean, void> {
  await using log = handle;
  const { ino, size } = await log.stat();
  const position = lines === undefined ? 0 : await endOfLastLine(log, size);
  const reading: Reading = { file, log, signal, position, unfinished: Buffer.alloc(0) };
  if (lines !== undefined) yield* await readLastLines(log, lines, { from: 0, to: position });
  while (!signal.aborted) {
    // Both are checked before reading, so that everything written before is read first.
    const isLast = isOver();
    const isReplaced = await hasAnotherInode(file, ino);
    yield* readNewLines(reading);
    if (isReplaced || isLast) {
      if (reading.unfinished.length > 0) yield reading.unfinished.toString('utf8');
      return isLast && !isReplaced;
    }
    await pause(signal);
  }
  return false;
}

interface Reading {
  readonly file: string;
  readonly log: FileHandle;
  readonly signal: AbortSignal;
  /** Everything before it was yielded or is in `unfinished`. */
  position: number;
  /** The start of a line that is not complete yet. */
  unfinished: Buffer;
}

/** A different inode means another file: while a file is open, its inode is not reused. */
async function hasAnotherInode(file: string, inode: number): Promise<boolean> {
  const now = await stat(file).catch(missing);
  return now !== undefined && now.ino !== inode;
}

async function* readNewLines(reading: Reading): AsyncGenerator<string, void, void> {
  const { size } = await reading.log.stat();
  if (size < reading.position) {
    yield* readSetAside(reading);
    Object.assign(reading, { position: 0, unfinished: Buffer.alloc(0) });
  }
  while (!reading.signal.aborted) {
    const chunk = await readAt(reading.log, reading.position, READ_BYTES);
    if (chunk.length === 0) return;
    reading.position += chunk.length;
    const pending = Buffer.concat([reading.unfinished, chunk]);
    const end = pending.length > MAX_LINE_BYTES ? pending.length : pending.lastIndexOf(NEWLINE) + 1;
    reading.unfinished = pending.subarray(end);
    yield* splitLines(pending.subarray(0, end));
  }
}

/** Lines of a log that was copied to FILE.1 and truncated, written between the last poll and the copy. */
async function* readSetAside({ file, signal, position, unfinished }: Reading): AsyncGenerator<string, void, void> {
  const handle = await openToRead(`${file}.1`);
  if (handle === undefined) return;
  await using log = handle;
  const { size } = await log.stat();
  if (size > position) yield* readNewLines({ file: `${file}.1`, log, signal, position, unfinished });
}

/** Reads backwards from `to`, chunk by chunk, until it has enough newlines. */
async function readLastLines(handle: FileHandle, lines: number, range: { from: number; to: number }): Promise<string[]> {
  let start = range.to;
  let text: Buffer = Buffer.alloc(0);
  let newlines = 0;
  while (start > range.from && newlines <= lines && text.length < MAX_TAIL_BYTES) {
    const chunkStart = Math.max(range.from, start - READ_BYTES);
    const chunk = await readAt(handle, chunkStart, start - chunkStart);
    newlines += chunk.filter((byte) => byte === NEWLINE).length;
    text = Buffer.concat([chunk, text]);
    start = chunkStart;
  }
  return lines === 0 ? [] : splitLines(text).slice(-lines);
}

async function endOfLastLine(handle: FileHandle, size: number): Promise<number> {
  for (let end = size; end > 0; end -= READ_BYTES) {
    const start = Math.max(0, end - READ_BYTES);
    const newline = (await readAt(handle, start, end - start)).lastIndexOf(NEWLINE);
    if (newline >= 0) return start + newline + 1;
    // A line longer than any of rbee: its second half is better than a search through a large file.
    if (size - start > MAX_LINE_BYTES) return size;
  }
  return 0;
}

async function readAt(handle: FileHandle, position: number, length: number): Promise<Buffer> {
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, position);
  return buffer.subarray(0, bytesRead);
}

function splitLines(text: Buffer): string[] {
  const lines = text.toString('utf8').split('\n');
  if (lines.at(-1) === '') lines.pop();
  return lines;
}

async function openToRead(file: string): Promise<FileHandle | undefined> {
  try {
    return await open(file, 'r').catch(missing);
  } catch (error) {
    throw fileError(error, `read the log ${file}`);
  }
}

/** Waits for the next poll, or until `signal` aborts. */
async function pause(signal: AbortSignal): Promise<void> {
  await sleep(FOLLOW_POLL_MS, undefined, { signal }).catch(ignoreAbort);
}

function ignoreAbort(error: unknown): void {
  if (!(error instanceof Error) || error.name !== 'AbortError') throw error;
}
