/** What larger wishes are cut to: an answer ends at the end of its context, and no vocabulary has more tokens. */
export const MOST_TOKENS = 1_000_000;
export const MOST_CANDIDATES = 100_000;
