import { randomUUID } from 'node:crypto';
import { appendFileSync, rmSync } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { JobError } from '../../contract/index.ts';
import { ensureDirectory, isAlive, processStart, type ProcessIdentity } from '../../daemon/index.ts';
import { emptyTranscript, entriesIn, withEntry, type Entry, type Transcript } from './transcript.ts';

/** Of conversations that were not ended. */
const KEPT = 20;

/** A conversation, kept in a file of the home until it is ended: after a crash of any part it can be continued. */
export class TranscriptFile {
  readonly path: string;
  #transcript: Transcript;
  readonly #onUnkept: (cause: unknown) => void;
  #isKept = true;

  private constructor(path: string, transcript: Transcript, onUnkept: (cause: unknown) => void) {
    this.path = path;
    this.#transcript = transcript;
    this.#onUnkept = onUnkept;
  }

  /** @param onUnkept called once, when the file cannot be written: the conversation continues without it */
  static async create(folder: string, onUnkept: (cause: unknown) => void): Promise<TranscriptFile> {
    const file = new TranscriptFile(join(folder, `${randomUUID()}.jsonl`), emptyTranscript(), onUnkept);
    try {
      await ensureDirectory(folder);
      const closed = await closedFiles(folder);
      const kept = closed.filter(({ entries }) => hasBegun(entries)).slice(0, KEPT);
      for (const each of closed) if (!kept.includes(each)) rmSync(each.path, { force: true });
    } catch (cause) {
      file.#unkept(cause);
    }
    return file.#opened();
  }

  /** The conversation that was last continued and never ended. @throws JobError invalid_input where there is none */
  static async resume(folder: string, onUnkept: (cause: unknown) => void): Promise<TranscriptFile> {
    for (const { path, entries } of await closedFiles(folder)) {
      if (!hasBegun(entries)) continue;
      const file = await new TranscriptFile(path, entries.reduce(withEntry, emptyTranscript()), onUnkept).#opened();
      if (await file.#isFirst()) return file;
    }
    throw new JobError('invalid_input', 'There is no conversation to resume: each was ended, or is open elsewhere.', {
      hint: 'Start one: rbee chat',
    });
  }

  get transcript(): Transcript {
    return this.#transcript;
  }

  add(entry: Entry): void {
    this.#transcript = withEntry(this.#transcript, entry);
    this.#write(`${JSON.stringify(entry)}\n`);
  }

  #write(lines: string): void {
    if (!this.#isKept) return;
    try {
      appendFileSync(this.path, lines, { mode: 0o600 });
    } catch (cause) {
      this.#unkept(cause);
    }
  }

  end(): void {
    rmSync(this.path, { force: true });
  }

  async #opened(): Promise<TranscriptFile> {
    const { pid } = process;
    const started = (await processStart(pid)) ?? '';
    // A crash may have cut the last line.
    this.#write('\n');
    this.add({ kind: 'open', pid, started });
    return this;
  }

  /** Of several processes that resume it at once, the one whose line comes first continues it. */
  async #isFirst(): Promise<boolean> {
    if (!this.#isKept) return true;
    const entries = entriesIn(await readFile(this.path, 'utf8').catch(() => ''));
    // Another process has ended it meanwhile, and this one may have created its file again.
    if (!hasBegun(entries)) this.end();
    const [first] = await openIn(entries);
    return hasBegun(entries) && first?.pid === process.pid;
  }

  #unkept(cause: unknown): void {
    this.#isKept = false;
    this.#onUnkept(cause);
  }
}

interface ClosedFile {
  path: string;
  changedMs: number;
  entries: Entry[];
}

/** The conversations that no process has open, the last one first. */
async function closedFiles(folder: string): Promise<ClosedFile[]> {
  const names = await readdir(folder).catch(() => []);
  const paths = names.filter((name) => name.endsWith('.jsonl')).map((name) => join(folder, name));
  const found = await Promise.all(paths.map((path) => read(path)));
  const closed = found.filter((each) => each !== undefined);
  return closed.sort((a, b) => b.changedMs - a.changedMs);
}

async function read(path: string): Promise<ClosedFile | undefined> {
  try {
    const [text, { mtimeMs }] = await Promise.all([readFile(path, 'utf8'), stat(path)]);
    const entries = entriesIn(text);
    // Without an entry, it is being created.
    const isClosed = entries.length > 0 && (await openIn(entries)).length === 0;
    return isClosed ? { path, changedMs: mtimeMs, entries } : undefined;
  } catch {
    // It was ended meanwhile, or cannot be read: another one can be.
    return undefined;
  }
}

/** The processes that have a conversation open, the first one first. */
async function openIn(entries: readonly Entry[]): Promise<ProcessIdentity[]> {
  const opened = entries.filter((each) => each.kind === 'open');
  const areAlive = await Promise.all(opened.map((each) => isAlive(each)));
  return opened.filter((_each, index) => areAlive[index]);
}

/** One without a message is of no use to its user. */
function hasBegun(entries: readonly Entry[]): boolean {
  return entries.some(({ kind }) => kind === 'user' || kind === 'messages');
}
