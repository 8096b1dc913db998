/** Added to a wait in whole seconds, which are rounded down. */
const SPARE_MS = 1_000;

export interface LimitHeaders {
  /** Seconds, or an HTTP date (RFC 9110, section 10.2.3). */
  retryAfter?: string | undefined;
  /** `"resolvers";r=0;t=47`: requests left, and seconds until there are more (draft-ietf-httpapi-ratelimit-headers). */
  rateLimit?: string | undefined;
}

/** How long a server that refuses a request (429, 503) wants its client to wait; undefined where it does not say. */
export function waitMsOf({ retryAfter = '', rateLimit = '' }: LimitHeaders, now = Date.now()): number | undefined {
  const text = retryAfter.trim();
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1_000;
  const at = /^[A-Z][a-z]{2}, /.test(text) ? Date.parse(text) : Number.NaN;
  if (!Number.isNaN(at)) return Math.max(0, at - now);
  const left = /;\s*r=(\d{1,9})(?:;|$)/.exec(rateLimit)?.[1];
  const resetS = /;\s*t=(\d{1,9})(?:;|$)/.exec(rateLimit)?.[1];
  return resetS === undefined || Number(left) !== 0 ? undefined : Number(resetS) * 1_000 + SPARE_MS;
}
