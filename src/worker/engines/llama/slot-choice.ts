export interface SlotView {
  index: number;
  busy: boolean;
  /** Tokens whose KV cache the slot still holds, from the first on. */
  cached: readonly number[];
  /** Grows with every use; 0 when never used. */
  lastUsed: number;
}

/**
 * What one more run of busy slots costs, in prompt tokens: llama.cpp computes only neighbouring slots together, so every
 * token of the answer needs one more pass over all weights, or computes the slots of the gap along (see gapsToFill).
 * Measured at two to five prompt tokens a step; answers have about a hundred steps.
 */
const RUN_COST_TOKENS = 256;

/** Every prompt of a template begins alike. Shorter common beginnings save nothing and would evict a conversation. */
const WORTHWHILE_PREFIX_TOKENS = 32;

/**
 * The free slot that costs least: it has computed the longest beginning of the prompt already, it lies beside the busy
 * ones, and it is the longest unused, so that idle conversations keep their cache. Undefined when all are busy.
 */
export function chooseSlot(slots: readonly SlotView[], prompt: readonly number[]): number | undefined {
  const busy = new Set(slots.filter((slot) => slot.busy).map((slot) => slot.index));
  let best: { index: number; score: number; lastUsed: number } | undefined;
  for (const { index, cached, lastUsed } of slots.filter((slot) => !slot.busy)) {
    const common = commonPrefixLength(cached, prompt);
    const saved = common < WORTHWHILE_PREFIX_TOKENS ? 0 : common;
    const score = saved - RUN_COST_TOKENS * runsWith(busy, index);
    if (!best || score > best.score || (score === best.score && lastUsed < best.lastUsed)) best = { index, score, lastUsed };
  }
  return best?.index;
}

export function commonPrefixLength(a: readonly number[], b: readonly number[]): number {
  const end = Math.min(a.length, b.length);
  let length = 0;
  while (length < end && a[length] === b[length]) length++;
  return length;
}

/** By how much the number of runs of busy slots changes when `index` joins them: 1 alone, 0 beside one, -1 between two. */
function runsWith(busy: ReadonlySet<number>, index: number): number {
  return 1 - Number(busy.has(index - 1)) - Number(busy.has(index + 1));
}
