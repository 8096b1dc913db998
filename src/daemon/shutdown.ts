import { constants } from 'node:os';

const SHUTDOWN_WITHIN_MS = 10_000;

/**
 * From now on, the first SIGINT or SIGTERM runs `work` once and then exits: with code 0, or with 1 when the work
 * threw or took longer than `withinMs`. A second signal exits at once, with 128 plus the signal's number, as a shell reports it.
 */
export function onShutdown(work: (signal: NodeJS.Signals) => Promise<void>, withinMs = SHUTDOWN_WITHIN_MS): void {
  let isEnding = false;
  const end = (signal: NodeJS.Signals) => {
    if (isEnding) process.exit(128 + constants.signals[signal]);
    isEnding = true;
    setTimeout(() => fail(`the shutdown took longer than ${withinMs} ms`), withinMs);
    work(signal).then(
      () => process.exit(0),
      (error: unknown) => fail('the shutdown failed', error),
    );
  };
  process.on('SIGINT', end).on('SIGTERM', end);
}

/** To stderr, which is the daemon's log: this room may not narrate. */
function fail(...words: unknown[]): never {
  console.error(...words);
  process.exit(1);
}
