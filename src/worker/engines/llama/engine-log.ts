const KEPT_LINES = 20;
const LONGEST_SUMMARY = 600;
/** A line may quote its input, of any length. */
const LONGEST_LINE = 1000;

interface Line {
  severe: boolean;
  text: string;
}

/**
 * The last warnings and errors of llama.cpp. Its exceptions contain little ("Failed to load model"); the cause is only here.
 */
export class EngineLog {
  #lines: Line[] = [];

  record(severe: boolean, text: string): void {
    const line = text.slice(0, LONGEST_LINE).trim();
    if (line === '') return;
    this.#lines.push({ severe, text: line });
    if (this.#lines.length > KEPT_LINES) this.#lines.shift();
  }

  /** Drops all lines, so that the next failure is not attributed to them. */
  clear(): void {
    this.#lines = [];
  }

  /** The errors, or the warnings if there are no errors, as one line that starts with ': '. '' if there are neither. */
  summary(): string {
    const severe = this.#lines.filter((line) => line.severe);
    const shown = severe.length > 0 ? severe : this.#lines;
    const text = [...new Set(shown.map((line) => line.text))].join('; ').replaceAll(/\s+/g, ' ');
    return text === '' ? '' : `: ${text.slice(0, LONGEST_SUMMARY)}`;
  }
}
