const KEPT_LINES = 20;
const LONGEST_LAST_WORDS = 600;
/** What it says may hold what it was given, of any length. */
const LONGEST_LINE = 1000;

interface Line {
  severe: boolean;
  text: string;
}

/**
 * The last warnings and errors of llama.cpp. Its exceptions say little ("Failed to load model"); the cause is only here.
 */
export class EngineLog {
  #lines: Line[] = [];

  record(severe: boolean, text: string): void {
    const line = text.slice(0, LONGEST_LINE).trim();
    if (line === '') return;
    this.#lines.push({ severe, text: line });
    if (this.#lines.length > KEPT_LINES) this.#lines.shift();
  }

  /** Forgets what was said, so that the next failure is not blamed on it. */
  clear(): void {
    this.#lines = [];
  }

  /** The errors, or the warnings when there are none, as one line that begins with ': '; '' when nothing was said. */
  lastWords(): string {
    const severe = this.#lines.filter((line) => line.severe);
    const told = severe.length > 0 ? severe : this.#lines;
    const words = [...new Set(told.map((line) => line.text))].join('; ').replaceAll(/\s+/g, ' ');
    return words === '' ? '' : `: ${words.slice(0, LONGEST_LAST_WORDS)}`;
  }
}
