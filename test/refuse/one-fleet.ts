import { afterAll, beforeAll } from 'vitest';
import { threeDaemons, type ThreeDaemons } from './three-daemons.ts';

/** Of the test file that runs: all of its suites share them. */
export let daemons: ThreeDaemons;

/** Starts the daemons before the suites of this test file, and ends them after all. */
export function startFleet(env: Record<string, string> = {}): void {
  beforeAll(async () => {
    daemons = await threeDaemons(env);
  });
  afterAll(() => daemons[Symbol.asyncDispose]());
}
