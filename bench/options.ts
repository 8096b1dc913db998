export interface BenchOptions {
  /** Runs of which each figure is the median. */
  runs: number;
  /** Length of one run under a steady load. */
  seconds: number;
  /** Node flags for the measured processes, such as a profiler's. */
  nodeFlags: string[];
  /** The only load that runs: of `hops`, such as '100x50'; of `gateway`, a number of streams. */
  load: string | undefined;
}
