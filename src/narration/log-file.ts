import * as fs from 'node:fs';
import { dirname } from 'node:path';
import { Repeats } from './repeats.ts';

/** Between two looks at the file while nothing is logged: what the engine writes past us also counts. */
const CHECK_INTERVAL_MS = 1_000;
/** A longer line is cut: one that fills the file by itself would push everything else out of it. */
const LONGEST_LINE_CHARS = 16 * 1024;
const COPY_BYTES = 256 * 1024;

export interface LogFileOptions {
  file: string;
  /** A file that is larger becomes FILE.1, in place of the one before. */
  maxBytes: number;
}

/**
 * The log of a daemon, while it runs. It takes at most twice `maxBytes` on disk, in two files.
 *
 * stdout and stderr of the process lead to the same file, and what the engine or a crash writes there does not pass through here.
 * These descriptors cannot be moved to another file, so the file is copied to FILE.1 and cut: all writers append to it, so they go
 * on at its new end. A process that is killed between the two leaves lines twice, and loses none.
 *
 * Nothing here throws, and nothing is tried again in a loop: a line that cannot be written is lost and counted, and the number of
 * lost lines is written when there is room again. A file that was deleted or renamed is made again.
 */
export class LogFile {
  readonly #options: LogFileOptions;
  readonly #repeats = new Repeats();
  readonly #check: NodeJS.Timeout;
  #open: { descriptor: number; inode: number } | undefined;
  #lostLines = 0;
  #lostBecause = '';
  /** Whether the file ends with half a line of this log. */
  #isTorn = false;

  constructor(options: LogFileOptions) {
    this.#options = options;
    this.#check = setInterval(() => this.#writeLines(this.#repeats.due(performance.now())), CHECK_INTERVAL_MS).unref();
  }

  write(line: string): void {
    this.#writeLines(this.#repeats.take(line, performance.now()));
  }

  /** Writes what was held back. */
  close(): void {
    clearInterval(this.#check);
    this.#writeLines(this.#repeats.due(Infinity));
    if (this.#open !== undefined) fs.closeSync(this.#open.descriptor);
    this.#open = undefined;
  }

  #writeLines(lines: readonly string[]): void {
    // Without a line to write, no file is created: `rm -r` of a home fails where a folder is filled again meanwhile.
    const hasNothing = lines.length === 0 && this.#lostLines === 0;
    if (hasNothing && !fs.existsSync(this.#options.file)) return;
    try {
      const descriptor = this.#openedWithRoom(0);
      if (this.#lostLines > 0) {
        this.#append(descriptor, lostLine(this.#lostLines, this.#lostBecause));
        this.#lostLines = 0;
      }
    } catch (cause) {
      return this.#lose(lines.length, cause);
    }
    for (const line of lines) this.#writeLine(line);
  }

  #writeLine(line: string): void {
    try {
      const text = line.length > LONGEST_LINE_CHARS ? cutLine(line) : line;
      this.#append(this.#openedWithRoom(text.length), text);
    } catch (cause) {
      this.#lose(1, cause);
    }
  }

  #lose(lines: number, cause: unknown): void {
    this.#lostLines += lines;
    this.#lostBecause = cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause);
  }

  /** The file that has the name now. One call of the system where nothing has changed. */
  #openedWithRoom(chars: number): number {
    const { file, maxBytes } = this.#options;
    const now = fs.statSync(file, { throwIfNoEntry: false });
    if (this.#open !== undefined && this.#open.inode !== now?.ino) {
      const { descriptor } = this.#open;
      this.#open = undefined;
      fs.closeSync(descriptor);
    }
    this.#open ??= openToAppend(file);
    if (now !== undefined && now.size + chars > maxBytes) setAside(this.#open.descriptor, this.#options);
    return this.#open.descriptor;
  }

  #append(descriptor: number, text: string): void {
    const bytes = Buffer.from(this.#isTorn ? `\n${text}` : text);
    let written = 0;
    try {
      while (written < bytes.length) written += fs.writeSync(descriptor, bytes, written);
      this.#isTorn = false;
    } catch (cause) {
      if (written > 0) this.#isTorn = true;
      throw cause;
    }
  }
}

/** Makes the folder again where it was deleted, but not what is above it: a home that was deleted stays so. */
function openToAppend(file: string): { descriptor: number; inode: number } {
  // O_NONBLOCK: a pipe in its place would block the process until there is a reader.
  const { O_RDWR, O_APPEND, O_CREAT, O_NONBLOCK } = fs.constants;
  const open = () => fs.openSync(file, O_RDWR | O_APPEND | O_CREAT | O_NONBLOCK, 0o600);
  let descriptor: number;
  try {
    descriptor = open();
  } catch (cause) {
    if (!(cause instanceof Error && 'code' in cause && cause.code === 'ENOENT')) throw cause;
    fs.mkdirSync(dirname(file), { mode: 0o700 });
    descriptor = open();
  }
  const stats = fs.fstatSync(descriptor);
  if (stats.isFile()) return { descriptor, inode: stats.ino };
  fs.closeSync(descriptor);
  throw Object.assign(new Error(`${file} is not a file`), { code: 'not a file' });
}

/** Copies the end of the log to FILE.1, in one step, and cuts the log. Where the disk has no room for the copy, it is only cut. */
function setAside(descriptor: number, { file, maxBytes }: LogFileOptions): void {
  const former = `${file}.1`;
  const unfinished = `${former}.new`;
  try {
    copyEnd(descriptor, unfinished, maxBytes);
    fs.renameSync(unfinished, former);
  } catch {
    fs.rmSync(unfinished, { force: true });
  }
  fs.ftruncateSync(descriptor, 0);
}

/** From the beginning of a line, to the end of the file, also of what is written meanwhile. */
function copyEnd(from: number, to: string, maxBytes: number): void {
  const copy = fs.openSync(to, 'w', 0o600);
  try {
    const buffer = Buffer.allocUnsafe(COPY_BYTES);
    let position = Math.max(0, fs.fstatSync(from).size - maxBytes);
    let cut = position === 0 ? 0 : -1;
    for (;;) {
      const length = fs.readSync(from, buffer, 0, buffer.length, position);
      if (cut < 0) cut = buffer.subarray(0, length).indexOf('\n') + 1;
      if (length === 0) return;
      for (let written = cut; written < length;) written += fs.writeSync(copy, buffer, written, length - written);
      position += length;
      cut = 0;
    }
  } finally {
    fs.closeSync(copy);
  }
}

function lostLine(count: number, because: string): string {
  const msg = `${count} ${count === 1 ? 'line' : 'lines'} of this log could not be written (${because}) and ${count === 1 ? 'is' : 'are'} lost`;
  return `${JSON.stringify({ level: 'warn', time: new Date().toISOString(), lost_lines: count, msg })}\n`;
}

/** Still one JSON object, with the fields that say what it is about. */
function cutLine(line: string): string {
  const { level, time, actor, job_id, correlation_id, action, code, msg } = JSON.parse(line) as Record<string, unknown>;
  const kept = {
    level,
    time,
    actor,
    job_id,
    correlation_id,
    action,
    code,
    cut_chars: line.length,
    msg: String(msg).slice(0, 4_000),
  };
  return `${JSON.stringify(kept)}\n`;
}
