import type { Reporter, TestModule } from 'vitest/node';

/** Ends a run with one plain line that any tool can read: how many passed, failed and were skipped. */
export default class ClosingLine implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    const count = { passed: 0, failed: unhandledErrors.length, skipped: 0, pending: 0 };
    for (const module of modules) {
      for (const test of module.children.allTests()) count[test.result().state] += 1;
      if (module.errors().length > 0) count.failed += 1;
    }
    // After vitest's own summary, which the default reporter prints in the same hook.
    process.on('exit', () => {
      console.log(`${count.passed} passed, ${count.failed + count.pending} failed, ${count.skipped} skipped`);
    });
  }
}
