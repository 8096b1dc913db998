/** Below the timeout of a test, so that the failure names the condition. A busy machine may need most of it. */
const WITHIN_MS = 100_000;
const FIRST_PAUSE_MS = 20;
const LONGEST_PAUSE_MS = 200;

/** Checks until the condition holds, more seldom from time to time; for what sends no event. */
export async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  const end = Date.now() + WITHIN_MS;
  for (let pauseMs = FIRST_PAUSE_MS; !(await isSo()); pauseMs = Math.min(pauseMs * 1.2, LONGEST_PAUSE_MS)) {
    if (Date.now() > end) throw new Error(`after ${WITHIN_MS / 1000} s still not: ${String(isSo)}`);
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}
