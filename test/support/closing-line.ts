import type { Reporter, SerializedError, TestCase, TestModule, TestSuite } from 'vitest/node';

/** Ends a run with one plain line that any tool can read: the numbers of passed, failed and skipped tests. */
export default class ClosingLine implements Reporter {
  onTestCaseResult(test: TestCase): void {
    showSuppressed(test.result().errors);
  }

  onTestSuiteResult(suite: TestSuite): void {
    showSuppressed(suite.errors());
  }

  onTestModuleEnd(module: TestModule): void {
    showSuppressed(module.errors());
  }

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

/**
 * A test that fails and whose `await using` then fails too ends with a SuppressedError, of which vitest prints neither part. Puts both in
 * its place, where the default reporter finds them.
 */
function showSuppressed(errors: readonly SerializedError[] | undefined): void {
  if (errors === undefined) return;
  const all = errors.flatMap(partsOf);
  if (all.length > errors.length) (errors as SerializedError[]).splice(0, errors.length, ...all);
}

function partsOf(error: SerializedError): SerializedError[] {
  if (error.name !== 'SuppressedError') return [error];
  const parts = [error['suppressed'], error['error']] as (SerializedError | undefined)[];
  return parts.filter((part) => part !== undefined).flatMap(partsOf);
}
