import type { Verdict } from './judge.ts';

/** Most violations that are printed with their words; the rest are counted. */
const SHOWN = 40;

/** What has been counted, and every violation in a sentence. */
export class Tally {
  readonly endings = new Map<string, number>();
  readonly violations: string[] = [];
  jobs = 0;
  running = 0;
  events = 0;
  reconnects = 0;
  rereads = 0;

  note(what: string, { ending, problems }: Verdict): void {
    this.jobs += 1;
    count(this.endings, `${what}: ${ending}`);
    for (const problem of problems) this.violate(`${what}: ${problem}`);
  }

  /** Said at once: what a later Ctrl-C would hide is what one looks for. */
  violate(sentence: string): void {
    this.violations.push(sentence);
    if (this.violations.length <= SHOWN) console.log(`  VIOLATION ${new Date().toISOString().slice(11, 23)} ${sentence}`);
  }

  sumOf(ending: string): number {
    return [...this.endings].reduce((sum, [key, many]) => (key.includes(`: ${ending}`) ? sum + many : sum), 0);
  }
}

export function count(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
