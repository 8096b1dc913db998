import { randomUUID } from 'node:crypto';
import { appendFileSync, rmSync } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { JobError } from '../../contract/index.ts';
import { ensureDirectory, isAlive, processStart } from '../../daemon/index.ts';
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
      for (const { path } of (await unended(folder)).slice(KEPT)) rmSync(path, { force: true });
    } catch (cause) {
      file.#unkept(cause);
    }
    return file.#opened();
  }

  /** The conversation that was last continued and never ended. @throws JobError invalid_input where there is none */
  static async resume(folder: string, onUnkept: (cause: unknown) => void): Promise<TranscriptFile> {
    const [last] = await unended(folder);
    if (last === undefined) {
      throw new JobError('invalid_input', 'There is no conversation to resume: each was ended, or is open elsewhere.', {
        hint: 'Start one: rbee chat',
      });
    }
    return new TranscriptFile(last.path, last.entries.reduce(withEntry, emptyTranscript()), onUnkept).#opened();
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

  #unkept(cause: unknown): void {
    this.#isKept = false;
    this.#onUnkept(cause);
  }
}

interface Unended {
  path: string;
  changedMs: number;
  entries: Entry[];
}

/** The conversations that have begun and that no process has open, the last one first. */
async function unended(folder: string): Promise<Unended[]> {
  const names = await readdir(folder).catch(() => []);
  const paths = names.filter((name) => name.endsWith('.jsonl')).map((name) => join(folder, name));
  const found = await Promise.all(paths.map((path) => read(path)));
  const open = found.filter((each) => each !== undefined);
  return open.sort((a, b) => b.changedMs - a.changedMs);
}

async function read(path: string): Promise<Unended | undefined> {
  try {
    const [text, { mtimeMs }] = await Promise.all([readFile(path, 'utf8'), stat(path)]);
    const entries = entriesIn(text);
    const opened = entries.findLast((each) => each.kind === 'open');
    const isOpen = opened !== undefined && (await isAlive(opened));
    const hasBegun = entries.some(({ kind }) => kind === 'user' || kind === 'messages');
    return isOpen || !hasBegun ? undefined : { path, changedMs: mtimeMs, entries };
  } catch {
    // It was ended meanwhile, or cannot be read: another one can be.
    return undefined;
  }
}
