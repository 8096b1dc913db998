/** Of each model, so many of its last requests count. */
const TIMES_KEPT = 32;
const MODELS_LIMIT = 256;

/** How long requests took lately, by model. */
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

  /** Undefined as long as nobody knows. */
  medianMs(model: string): number | undefined {
    const sorted = this.#byModel.get(model)?.toSorted((a, b) => a - b);
    return sorted?.[sorted.length >> 1];
  }
}
