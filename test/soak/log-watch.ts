import { closeSync, existsSync, fstatSync, openSync, readdirSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { count } from './tally.ts';

/** What no daemon should ever write. */
const SIGNS: Record<string, RegExp> = {
  'unhandled rejection': /unhandled|uncaught/i,
  'internal error': /"code":"internal"/,
  'stack trace': /"stack":"|^\s+at .*:\d+/,
};
const SHOWN_CHARS = 1_000;

/** Reads the daemons' logs as they grow, since a worker's log is deleted with it. */
export class LogWatch {
  readonly #folder: string;
  readonly #read = new Map<string, number>();
  /** The first line of each kind, and what it indicates. */
  readonly found = new Map<string, string>();
  readonly counts = new Map<string, number>();

  constructor(home: string) {
    this.#folder = join(home, 'state', 'logs');
  }

  look(): void {
    if (!existsSync(this.#folder)) return;
    for (const name of readdirSync(this.#folder)) for (const line of this.#newLines(name)) this.#check(name, line);
  }

  #newLines(name: string): string[] {
    let file: number;
    try {
      file = openSync(join(this.#folder, name), 'r');
    } catch {
      return []; // Deleted just now.
    }
    const { size, ino } = fstatSync(file);
    const from = this.#read.get(`${name} ${ino}`) ?? 0;
    const bytes = Buffer.alloc(Math.max(0, size - from));
    readSync(file, bytes, 0, bytes.length, from);
    closeSync(file);
    const end = bytes.lastIndexOf('\n') + 1;
    this.#read.set(`${name} ${ino}`, from + end);
    return bytes.toString('utf8', 0, end).split('\n');
  }

  #check(name: string, line: string): void {
    for (const [sign, pattern] of Object.entries(SIGNS)) {
      if (!pattern.test(line)) continue;
      const key = `${sign} in ${name.replace(/-[0-9a-f]{8}/, '')}: ${messageOf(line)}`;
      count(this.counts, key);
      if (!this.found.has(key)) this.found.set(key, line.slice(0, SHOWN_CHARS));
    }
  }
}

/** Without the parts that differ each time. */
function messageOf(line: string): string {
  let message = line;
  try {
    message = (JSON.parse(line) as { msg: string }).msg;
  } catch {
    // Not a log line of rbee: Node's, or the engine's.
  }
  return message.replace(/[0-9a-f-]{8,}|\d+/g, '…').slice(0, 160);
}
