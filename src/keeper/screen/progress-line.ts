import type { Progress } from '../../contract/index.ts';
import { cut, oneLine } from '../show/width.ts';
import { bytes, rate, uptime } from '../show/units.ts';
import { CLEAR_LINE, type Pane } from './pane.ts';

/** Where a line cannot be rewritten, a new one is written this often: the log of a download should stay short. */
const LINE_INTERVAL_MS = 3_000;
/** Fast enough for the eye. */
const REDRAW_INTERVAL_MS = 50;
const BAR_CELLS = 20;

/** The progress of a long step: one line that is rewritten on a terminal, a line from time to time elsewhere. */
export class ProgressLine {
  readonly #pane: Pane;
  #action: string | undefined;
  #lastShown = 0;
  #isDrawn = false;

  constructor(pane: Pane) {
    this.#pane = pane;
  }

  async show(progress: Progress): Promise<void> {
    const now = performance.now();
    if (progress.action !== this.#action) {
      this.#action = progress.action;
      // A step that ends before a line is due needs none.
      this.#lastShown = this.#pane.canRewrite ? 0 : now;
    }
    const isDue = now - this.#lastShown >= (this.#pane.canRewrite ? REDRAW_INTERVAL_MS : LINE_INTERVAL_MS);
    if (!isDue) return;
    this.#lastShown = now;
    const text = progressText(progress);
    if (!this.#pane.canRewrite) return this.#pane.write(`${text}\n`);
    this.#isDrawn = true;
    // One column less than the width, where terminals would wrap.
    await this.#pane.write(CLEAR_LINE + this.#pane.paint.dim(cut(text, this.#pane.columns - 1)));
  }

  /** Call it before anything else is written. */
  async clear(): Promise<void> {
    if (!this.#isDrawn) return;
    this.#isDrawn = false;
    await this.#pane.write(CLEAR_LINE);
  }
}

/** 'model download  ████░░░░  20 %  2.0 MB of 10 MB  1.2 MB/s  7 s left' */
export function progressText({ action, done, total, unit, rate: perSecond, eta_s }: Progress): string {
  const parts = [oneLine(action).replaceAll('_', ' ')];
  if (total !== null && total > 0) {
    const share = Math.min(1, Math.max(0, done / total));
    const filled = Math.floor(share * BAR_CELLS);
    parts.push('█'.repeat(filled) + '░'.repeat(BAR_CELLS - filled), `${Math.floor(share * 100)} %`);
  }
  const amount = amountText({ done, total, unit });
  if (amount !== undefined) parts.push(amount);
  if (perSecond !== null && unit !== 'percent')
    parts.push(`${unit === 'bytes' ? bytes(perSecond) : `${rate(perSecond)} ${unit}`}/s`);
  if (eta_s !== null) parts.push(`${uptime(Math.ceil(eta_s))} left`);
  return parts.join('  ');
}

function amountText({ done, total, unit }: Pick<Progress, 'done' | 'total' | 'unit'>): string | undefined {
  switch (unit) {
    case 'percent':
      return undefined;
    case 'bytes':
      return total === null ? bytes(done) : `${bytes(done)} of ${bytes(total)}`;
    case 'tokens':
      return total === null ? `${done} tokens` : `${done} of ${total} tokens`;
  }
}
