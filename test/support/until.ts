/** Below the timeout of a test, so that the failure names the condition. A busy machine may need most of it. */
const WITHIN_MS = 100_000;

/** Checks every 20 ms until the condition holds; for what sends no event. */
export async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  const end = Date.now() + WITHIN_MS;
  while (!(await isSo())) {
    if (Date.now() > end) throw new Error(`after ${WITHIN_MS / 1000} s still not: ${String(isSo)}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
