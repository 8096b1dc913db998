/** Latest requests that count, per model. */
const TIMES_KEPT = 32;
const MODELS_LIMIT = 256;

/** How long recent requests took, by model. */
export class RecentTimes {
  readonly #byModel = new Map<string, number[]>();

  note(model: string, ms: number): void {
    const times = this.#byModel.get(model) ?? [];
    this.#byModel.delete(model);
    this.#byModel.set(model, times);
    times.push(ms);
    if (times.length > TIMES_KEPT) times.shift();
    const oldest = this.#byModel.keys().next();
    if (this.#byModel.size > MODELS_LIMIT && !oldest.done) this.#byModel.delete(oldest.value);
  }

  /** Undefined before the first one. */
  medianMs(model: string): number | undefined {
    const sorted = this.#byModel.get(model)?.toSorted((a, b) => a - b);
    return sorted?.[sorted.length >> 1];
  }
}
