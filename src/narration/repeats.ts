/** Equal lines that are written within one window. The rest of the window's are counted. */
const BURST_LINES = 5;
const WINDOW_MS = 60_000;
/** Different lines that are remembered at once. */
const REMEMBERED_LINES = 256;

interface Window {
  startedMs: number;
  written: number;
  /** Lines that were held back, and the last of them. */
  held: number;
  last: string;
}

/**
 * Keeps a line that is repeated again and again from filling the log. Two lines are equal when they differ in nothing but their
 * time and their job. The first few of a minute are written; then one line, with the field `repeated`, says how many more there were.
 */
export class Repeats {
  readonly #windows = new Map<string, Window>();

  /** @returns the lines to write now: this one, or none, and what is due of earlier ones */
  take(line: string, nowMs: number): string[] {
    const due = this.due(nowMs);
    const key = keyOf(line);
    let window = this.#windows.get(key);
    if (window === undefined) {
      if (this.#windows.size >= REMEMBERED_LINES) due.push(...this.#forgetOldest());
      this.#windows.set(key, (window = { startedMs: nowMs, written: 0, held: 0, last: line }));
    }
    if (window.written < BURST_LINES) {
      window.written += 1;
      return [...due, line];
    }
    window.held += 1;
    window.last = line;
    return due;
  }

  /** What the windows that are over have held back. With `Infinity`, all of them. */
  due(nowMs: number): string[] {
    const lines: string[] = [];
    for (const [key, window] of this.#windows) {
      // In the order of their start.
      if (nowMs - window.startedMs < WINDOW_MS) break;
      this.#windows.delete(key);
      lines.push(...summaryOf(window));
    }
    return lines;
  }

  #forgetOldest(): string[] {
    const [oldest] = this.#windows;
    if (oldest === undefined) return [];
    this.#windows.delete(oldest[0]);
    return summaryOf(oldest[1]);
  }
}

function summaryOf({ held, last }: Window): string[] {
  return held === 0 ? [] : [last.replace(/\}\n$/, `,"repeated":${held}}\n`)];
}

/** What tells a line from the next of the same kind. Lines are written by pino, which puts each of these fields there once. */
function keyOf(line: string): string {
  return line
    .replace(/"time":"[^"]*"/, '')
    .replace(/"job_id":"[^"]*"/, '')
    .replace(/"correlation_id":"[^"]*"/, '');
}
