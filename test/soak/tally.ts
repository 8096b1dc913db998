import type { Verdict } from './judge.ts';

/** Violations beyond this number are counted, not printed. */
const SHOWN = 40;

/** Counts, and every violation as a sentence. */
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

  /** Printed at once, so that Ctrl-C does not hide it. */
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
