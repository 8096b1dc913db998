/** What a stream of the bench asks of the worker, as JSON in the prompt of an `infer`. */
export type Plan =
  /** Tokens a second from `go` to `stop`; `phase`, 0 to 1, is where in its period the first one comes. */
  | { kind: 'paced'; ratePerSecond: number; phase: number }
  /** So many tokens from `go` on, one in each round over all such streams. */
  | { kind: 'unpaced'; tokens: number }
  /** One token, at once. */
  | { kind: 'single' };

/** Nanoseconds of the machine's monotonic clock, which is one for all of its processes on Linux. */
export function nowNs(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1e9 + nanoseconds;
}
